"""The contracts of the localnet. `farm_rules` is KALE's rules; the rest connects them to the host."""
