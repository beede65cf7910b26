"""The farm's side door: hashes that count without anybody having searched for them.

A rival with a hash power of gigahashes finds nonces that nobody here could search for. What it would have
found is drawn by chance and granted here; the farm then takes that one hash for that one pail and nonce, and
checks everything else as ever. Only code in the localnet's process can grant; no request reaches this.
"""


class SideDoor:
    """The hashes granted on one chain, by block, farmer and nonce. A new door is closed."""

    def __init__(self) -> None:
        self._granted: dict[int, dict[tuple[str, int], bytes]] = {}

    def __repr__(self) -> str:
        return f"SideDoor({sum(map(len, self._granted.values()))} granted)"

    def grant(self, index: int, farmer: str, nonce: int, hash: bytes) -> None:
        """Lets the farm take `hash` as that of `nonce` for the farmer's (G… or C…) pail in block `index`."""
        self._granted.setdefault(index, {})[farmer, nonce] = hash

    def granted(self, index: int, farmer: str, nonce: int) -> bytes | None:
        """The hash that counts for this nonce; None if the real one does."""
        block = self._granted.get(index)
        return None if block is None else block.get((farmer, nonce))

    def close_before(self, index: int) -> None:
        """Forgets what was granted for blocks that nobody can work any more."""
        for old in [block for block in self._granted if block < index]:
            del self._granted[old]
