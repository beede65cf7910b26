"""Transactions: from the envelope through queue and validation to their result."""
