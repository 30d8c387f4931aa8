"""Training: the loop, its step, its optimizer, and what it writes for TensorBoard."""
