"""`kalepool bench pool`: the whole pool on a local chain that runs as fast as the pool does."""
