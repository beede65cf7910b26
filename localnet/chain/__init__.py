"""The chain: its closed ledgers, and the clock that closes them."""
