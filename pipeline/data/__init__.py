"""A finished run's data, looked at: rows as text, where they come from, and what the corpus is like."""
