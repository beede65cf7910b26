"""The instructions of one root call, counted and held to what was declared."""

from localnet.soroban.errors import ErrorCode, ErrorType, HostError, host_error


class Budget:
    """Counts instructions; without a limit it only counts.

    A charge over the limit ends the whole call: no contract can catch Error(Budget, ExceededLimit).
    """

    __slots__ = ("_limit", "used")

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self.used = 0

    def __repr__(self) -> str:
        return f"Budget({self.used} of {self._limit} instructions)"

    def charge(self, instructions: int) -> None:
        self.used += instructions
        if self._limit is not None and self.used > self._limit:
            raise HostError(host_error(ErrorType.SCE_BUDGET, ErrorCode.SCEC_EXCEEDED_LIMIT))
