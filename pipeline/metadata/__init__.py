"""What ran, on what, and what came of it: ML Metadata, and nothing else of the package knows it."""
