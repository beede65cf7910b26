"""What a ledger holds: entries, and the keys, events and metas made of them.

Most of it stays encoded. Modules named `…_wire` encode, by joining; `wire_reader` and `call_reader` decode;
`encoded_parts` finds where keys and values end, and leaves them as they are.
"""
