"""What a ledger holds: entries, and the keys, events and metas made of them."""
