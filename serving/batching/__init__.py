"""Requests that arrive together run as one batch."""
