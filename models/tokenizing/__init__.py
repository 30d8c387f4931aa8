"""Text to token ids and back in Python, and what each id stands for; no TensorFlow."""
