"""The contracts of the localnet.

`farm_rules` is KALE's rules, `farm_layout` how its state is encoded; the rest connects them to the host.
"""
