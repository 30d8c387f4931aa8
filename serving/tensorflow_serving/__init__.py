"""What runs the stock TensorFlow Serving with pushed models, rendered from one typed configuration."""
