"""The KALE protocol as pure functions: no clock, no socket, no key.

Read in this order: constants, farm, puzzle, rewards, storage, calls.
"""
