"""Text files to documents, split by content."""
