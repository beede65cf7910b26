"""Solving the puzzle in tests: a few tries of the slow hash."""

from itertools import count

from kale.keccak import keccak256
from kale.puzzle import farmer_key, leading_zeros, message
from tests.localnet.contract_chain import ContractChain


def solve(chain: ContractChain, farmer: str, zeros: int) -> tuple[bytes, int]:
    """(hash, nonce) of the first nonce with exactly `zeros` zeros in the current block."""
    index = chain.farm().index
    entropy, key = chain.block(index).entropy, farmer_key(farmer)
    for nonce in count():
        hash = keccak256(message(index, entropy, key, nonce))
        if leading_zeros(hash) == zeros:
            return hash, nonce
    raise AssertionError("count never ends")
