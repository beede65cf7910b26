"""Search for KALE nonces at the speed of the CPU: a C extension and the hasher process around it.

The puzzle: keccak256(index u32 BE ‖ nonce u64 BE ‖ entropy ‖ farmer key), the more leading zero hex digits
the better (the contract's `work`). `Search` finds the best nonce of a range, `verify` checks one and
`verify_many` thousands.
"""

from miner_ext._search import (
    MAX_THREADS,
    Progress,
    Search,
    Solution,
    isas,
    keccak256,
    kernel_name,
    verify,
    verify_many,
)

__all__ = [
    "MAX_THREADS",
    "Progress",
    "Search",
    "Solution",
    "isas",
    "keccak256",
    "kernel_name",
    "verify",
    "verify_many",
]
