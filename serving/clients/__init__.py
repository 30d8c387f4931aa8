"""What ``serving.client`` is made of: requests and answers as pure functions, and a thin transport each."""
