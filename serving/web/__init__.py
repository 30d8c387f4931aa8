"""The page at /: a prompt, its continuation as it grows, and two versions side by side."""
