"""What the server counts and times, for Prometheus."""
