"""What the server answers, whatever the protocol."""
