"""A Stellar network of one process for development and tests, with KALE on it."""
