"""Incremental decoding in plain TensorFlow ops: the network as it is exported and served."""
