"""The Pooler: watches the chain, decides when, has nonces found, and reports. It never sees a key."""
