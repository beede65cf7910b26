"""`kalepool bench localnet`: what the local chain costs its machine."""
