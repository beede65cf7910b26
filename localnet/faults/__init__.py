"""Bad days on demand: RPC nodes that fail, transactions that vanish, ledgers that come late."""
