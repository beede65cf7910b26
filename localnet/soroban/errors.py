"""The host's one exception: an error value that travels up the calls."""

from stellar_sdk import xdr

from localnet.soroban.values import describe_error

ErrorType = xdr.SCErrorType
ErrorCode = xdr.SCErrorCode


class HostError(Exception):
    """A call cannot go on. The reasons are in the event log; this carries the value.

    `ends_vm`: it is on its way out of the VM whose host function failed.
    """

    def __init__(self, error: xdr.SCError, *, ends_vm: bool = False) -> None:
        super().__init__(describe_error(error))
        self.error = error
        self.ends_vm = ends_vm

    @property
    def is_recoverable(self) -> bool:
        """False where no contract may catch it: broken preconditions end the whole call."""
        if self.error.contract_code is not None:
            return True
        if self.error.code is ErrorCode.SCEC_INTERNAL_ERROR:
            return False
        return not (
            self.error.code is ErrorCode.SCEC_EXCEEDED_LIMIT
            and self.error.type in (ErrorType.SCE_STORAGE, ErrorType.SCE_BUDGET)
        )


class FootprintExceededError(Exception):
    """An access to a key that the footprint does not allow; the host turns it into a HostError."""

    def __init__(self, key: bytes) -> None:
        super().__init__(key.hex())
        self.key = key


class EntryArchivedError(Exception):
    """An access to a persistent entry whose life is over."""

    def __init__(self, key: bytes) -> None:
        super().__init__(key.hex())
        self.key = key


def contract_error(code: int) -> xdr.SCError:
    """A contract's own error number."""
    return xdr.SCError(ErrorType.SCE_CONTRACT, contract_code=xdr.Uint32(code))


def host_error(kind: xdr.SCErrorType, code: xdr.SCErrorCode) -> xdr.SCError:
    """An error of the host itself."""
    return xdr.SCError(kind, code=code)
