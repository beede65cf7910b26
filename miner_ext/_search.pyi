"""The C extension. This stub is its reference."""

from collections.abc import Iterable
from typing import Final, SupportsIndex, final

from typing_extensions import Buffer

MAX_THREADS: Final[int]
"""Most threads that one `Search` accepts."""

@final
class Solution(tuple[int, bytes, int]):
    """One nonce with its hash. Immutable; made by the extension, or as `Solution((nonce, hash, zeros))`."""

    __match_args__ = ("nonce", "hash", "zeros")
    def __new__(cls, fields: Iterable[object], /) -> Solution: ...
    @property
    def nonce(self) -> int:
        """0 to 2**64 - 1."""

    @property
    def hash(self) -> bytes:
        """keccak256 of the puzzle with this nonce, 32 bytes."""

    @property
    def zeros(self) -> int:
        """Leading zero hex digits of the hash, 0 to 64."""

@final
class Progress(tuple[Solution | None, int]):
    """How far a search is. Immutable; made by the extension, or as `Progress((best, hashes))`."""

    __match_args__ = ("best", "hashes")
    def __new__(cls, fields: Iterable[object], /) -> Progress: ...
    @property
    def best(self) -> Solution | None:
        """The lowest nonce among those with the most zeros (at most the target's, where there is one).

        None before the first hashes are done.
        """

    @property
    def hashes(self) -> int:
        """Hashes done: of a run that has returned, exactly the first `hashes` nonces of the range."""

@final
class Search:
    """One search for the nonce with the most zeros in the range nonce_from … nonce_from + nonce_count - 1.

    index: the block's, 0 to 2**32 - 1.
    entropy: the block's, 32 bytes.
    farmer_key: the last 32 bytes of the farmer address's XDR.
    nonce_from, nonce_count: 0 to 2**64 - 1 each, and nonce_from + nonce_count at most 2**64.
    threads: 1 to MAX_THREADS; `run` starts all but the one that it is called in.
    target_zeros: 0 to 64; the search ends with the lowest nonce that has so many, without trying the rest.
    isa: one of `isas()`; None for the one that `kernel_name()` tells.

    Raises ValueError stating the limit and the value, or TypeError. All arguments are copied; buffers must
    be contiguous.
    """

    def __new__(
        cls,
        index: SupportsIndex,
        entropy: Buffer,
        farmer_key: Buffer,
        nonce_from: SupportsIndex,
        nonce_count: SupportsIndex,
        *,
        threads: SupportsIndex = 1,
        target_zeros: SupportsIndex | None = None,
        isa: str | None = None,
    ) -> Search: ...
    def run(self) -> Progress:
        """Search the range and return the result: its best is the same whatever the threads and the isa.

        Blocks, without the GIL, until the range is done, the target reached, or `stop` called from another
        thread; Python's signal handlers run only after that. A search runs once: a second call raises
        RuntimeError. OSError if a thread cannot be started.
        """

    def stop(self) -> None:
        """End the run within 2 ms where a core is free, also one that has not begun. Does not wait for it."""

    def progress(self) -> Progress:
        """The best so far and the hashes done, at any time and from any thread."""

def verify(index: SupportsIndex, entropy: Buffer, farmer_key: Buffer, nonce: SupportsIndex) -> Solution:
    """The hash and zeros of one nonce, computed anew. Arguments and errors as for `Search`."""

def verify_many(
    claims: Iterable[tuple[SupportsIndex, Buffer, Buffer, SupportsIndex]], *, isa: str | None = None
) -> list[Solution]:
    """The hash and zeros of each (index, entropy, farmer_key, nonce), in their order, at a kernel's speed.

    For shares of outside miners, thousands a call; the GIL is released while it hashes. Arguments and
    errors as for `Search`; an error is a plain ValueError or TypeError whose text begins with "claim 7: " and
    whose __cause__ says the rest. Then nothing is hashed.
    """

def keccak256(data: Buffer, /) -> bytes:
    """Keccak-256 with the original padding 0x01 (not SHA3-256) of any bytes, above 64 KiB without the GIL.

    ValueError if they are not contiguous, or TypeError.
    """

def isas() -> tuple[str, ...]:
    """The instruction sets that this machine can search with, the fastest first (on arm64 by measurement).

    Of "avx512", "avx2" (x86-64), "neon-sha3", "neon" (arm64) and "portable", which every machine has.
    """

def kernel_name() -> str:
    """The instruction set that searches use which name none: the fastest, or what KALE_MINER_ISA says.

    ValueError, as from every search that names none, if this machine does not have what it says.
    """
