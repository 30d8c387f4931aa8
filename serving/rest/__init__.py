"""The REST front: TensorFlow Serving's /v1/models API, its JSON, and routes that others add."""
