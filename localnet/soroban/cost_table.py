"""What a call's steps cost, in instructions.

The localnet runs no Wasm, so it cannot count a contract's own instructions: each function has a fixed cost,
chosen so that plant, work and harvest lie where the real ones do: between 2 and 6 million, and 183 plants,
which a mainnet ledger's written bytes allow, fit its 580 million. What the host does is counted step by step;
those costs are of the order of soroban-env-host's default cost parameters.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

#: Reading an entry for the first time decodes it; later accesses find it.
ENTRY: Final = 60_000
ENTRY_BYTE: Final = 31
ACCESS: Final = 2_000
WRITE: Final = 6_000
WRITTEN_BYTE: Final = 1
EXTENSION: Final = 4_000

CALL: Final = 20_000
VM_INSTANTIATION: Final = 300_000
INSTANCE_VALUE: Final = 3_000
EVENT: Final = 6_000

AUTH_CHECK: Final = 15_000
#: Hashing what is signed, and one ed25519 verification.
AUTH_PAYLOAD: Final = 20_000
SIGNATURE: Final = 380_000

FunctionCosts = Mapping[str, int]

FARM: Final[FunctionCosts] = MappingProxyType(
    {
        "plant": 2_000_000,
        "work": 2_300_000,
        "harvest": 2_000_000,
        "pause": 250_000,
        "unpause": 250_000,
        "remove_block": 250_000,
    }
)

#: Beside the farm's harvests.
TRACTOR: Final[FunctionCosts] = MappingProxyType({"harvest": 150_000})

TOKEN: Final[FunctionCosts] = MappingProxyType(
    {
        "admin": 20_000,
        "allowance": 60_000,
        "approve": 120_000,
        "authorized": 60_000,
        "balance": 60_000,
        "burn": 120_000,
        "burn_from": 180_000,
        "clawback": 120_000,
        "decimals": 20_000,
        "mint": 120_000,
        "name": 20_000,
        "set_admin": 60_000,
        "set_authorized": 100_000,
        "symbol": 20_000,
        "transfer": 180_000,
        "transfer_from": 240_000,
        "trust": 100_000,
    }
)
