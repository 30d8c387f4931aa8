"""What differs between two runs: configuration, data, code, metrics."""
