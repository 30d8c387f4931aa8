"""Where a served model comes from: stages, settings, code, files."""
