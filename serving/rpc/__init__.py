"""The gRPC front: TensorFlow Serving's services."""
