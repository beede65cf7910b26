"""The Backend: the only process that holds keys, writes to the chain and touches the database."""
