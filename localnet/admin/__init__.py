"""The hand of whoever runs the local chain: an HTTP port of its own, JSON in and out."""
