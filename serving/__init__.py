"""Serving: a TensorFlow Serving compatible server, its clients, and the check before a push."""
