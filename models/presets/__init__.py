"""KerasHub presets: where they are, what they hold, and the model that training starts from."""
