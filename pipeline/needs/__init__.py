"""What a corpus and a model would need, on paper: the arithmetic of ``lexmill plan``."""
