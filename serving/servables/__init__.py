"""One loaded version of a model: its SavedModel, its signatures, its tensors."""
