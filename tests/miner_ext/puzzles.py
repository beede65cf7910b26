"""Puzzles to test with, and the obvious second computation of what a search must find."""

import random
from dataclasses import dataclass

from kale.keccak import keccak256
from kale.puzzle import leading_zeros, message
from miner_ext import Search, Solution, verify

SEED = 20261122


@dataclass(frozen=True)
class Puzzle:
    index: int
    entropy: bytes
    farmer_key: bytes

    def search(
        self,
        nonce_from: int,
        nonce_count: int,
        *,
        threads: int = 1,
        target_zeros: int | None = None,
        isa: str | None = None,
    ) -> Search:
        return Search(
            self.index,
            self.entropy,
            self.farmer_key,
            nonce_from,
            nonce_count,
            threads=threads,
            target_zeros=target_zeros,
            isa=isa,
        )

    def verify(self, nonce: int) -> Solution:
        return verify(self.index, self.entropy, self.farmer_key, nonce)

    def solve_in_python(self, nonce: int) -> Solution:
        digest = keccak256(message(self.index, self.entropy, self.farmer_key, nonce))
        return Solution((nonce, digest, leading_zeros(digest)))


def random_puzzle(source: random.Random) -> Puzzle:
    return Puzzle(source.getrandbits(32), source.randbytes(32), source.randbytes(32))


def best_of(solutions: list[Solution]) -> Solution | None:
    """The lowest nonce among those with the most zeros."""
    return max(solutions, key=lambda solution: (solution.zeros, -solution.nonce), default=None)
