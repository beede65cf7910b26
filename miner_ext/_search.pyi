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
        """The lowest nonce among those with the most zeros; None before the first hashes are done."""

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

    Raises ValueError stating the limit and the value, or TypeError. All arguments are copied.
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
    ) -> Search: ...
    def run(self) -> Progress:
        """Search the range and return the result: the same for a range whatever the number of threads.

        Blocks, without the GIL, until the range is done or `stop` is called from another thread; Python's
        signal handlers run only after that. A search runs once: a second call raises RuntimeError. OSError
        if a thread cannot be started.
        """

    def stop(self) -> None:
        """End the run within 10 ms, also one that has not begun yet. Does not wait for it."""

    def progress(self) -> Progress:
        """The best so far and the hashes done, at any time and from any thread."""

def verify(index: SupportsIndex, entropy: Buffer, farmer_key: Buffer, nonce: SupportsIndex) -> Solution:
    """The hash and zeros of one nonce, computed anew. Arguments and errors as for `Search`."""

def keccak256(data: Buffer, /) -> bytes:
    """Keccak-256 with the original padding 0x01 (not SHA3-256) of any bytes."""

def kernel_name() -> str:
    """The instruction set that searches use here, named as its source file is: "portable"."""
