"""The chain's state and its closed ledgers."""
