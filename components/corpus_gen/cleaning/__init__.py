"""Text to better text, and reasons to leave a text out."""
