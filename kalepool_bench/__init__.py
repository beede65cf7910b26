"""`kalepool bench`: how fast the search for nonces is, how it behaves beside others, and whether it leaks.

Everything here runs on the machine that it is called on and measures nothing but `miner_ext`.
"""
