"""A model's versions: found, loaded, held, swapped and unloaded."""
