"""Judging one model, pushed or of a past run: what ``lexmill evaluate`` measures."""
