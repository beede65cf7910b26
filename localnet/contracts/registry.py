"""Which program runs for which contract code.

The localnet executes no Wasm. Its contracts' code entries hold short descriptions instead,
and the entry's hash stands for the program.
"""

from hashlib import sha256
from typing import Final

from stellar_sdk import xdr

from localnet.contracts.farm import FarmContract
from localnet.contracts.token import TokenContract
from localnet.contracts.tractor import TractorContract
from localnet.soroban.contract_env import Program

#: The contents of code entries, and their hashes as instances name them.
FARM_CODE: Final = b"\0asm\x01\0\0\0 KALE farm of the localnet, run natively"
FARM_CODE_HASH: Final = sha256(FARM_CODE).digest()

TRACTOR_CODE: Final = b"\0asm\x01\0\0\0 KALE tractor of the localnet, run natively"
TRACTOR_CODE_HASH: Final = sha256(TRACTOR_CODE).digest()

_TOKEN: Final = TokenContract()
_BY_CODE_HASH: Final[dict[bytes, Program]] = {
    FARM_CODE_HASH: FarmContract(),
    TRACTOR_CODE_HASH: TractorContract(),
}


def find_program(executable: xdr.ContractExecutable) -> Program | None:
    """The program of a contract's executable; None for code that the localnet does not know."""
    if executable.type is xdr.ContractExecutableType.CONTRACT_EXECUTABLE_STELLAR_ASSET:
        return _TOKEN
    if executable.wasm_hash is None:
        return None
    return _BY_CODE_HASH.get(executable.wasm_hash.hash)
