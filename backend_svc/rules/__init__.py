"""Pure rules: decisions without clock, socket or database."""
