"""What a hasher fails with."""

from kalepool.v1.errors_pb2 import Reason
from poolkit.errors import NamedError


class HasherCrashed(NamedError):
    """What does the hashing did not start, ended, fell silent or talked nonsense."""

    REASON = Reason.REASON_HASHER_CRASHED
