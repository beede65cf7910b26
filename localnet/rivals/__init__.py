"""Simulated other farmers on a local chain."""
