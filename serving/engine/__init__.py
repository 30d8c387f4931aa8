"""Continuous batching: one running batch a loaded version, which requests join and leave step by step."""
