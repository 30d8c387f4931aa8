"""The train split's text to a SentencePiece model."""
