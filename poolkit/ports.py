"""A port that is kept: while nobody listens on it, it is given to nobody who asks the system for any port."""

import errno
import socket
import sys

# Linux lets one socket listen where another is only bound, if both of them say SO_REUSEADDR.
_CAN_KEEP = sys.platform == "linux"


class KeptPort:
    """A port of `host`, from now on until `close`.

    Whoever asks for this very port gets it, as servers do (with SO_REUSEADDR), and so does whoever keeps it
    too: `first` is true for the first of those, and when that one has closed it for the next that comes.
    Elsewhere than on Linux it can't be kept: it was free when it was chosen.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Port 0: any that is free. Raises OSError if somebody listens on it, or if it can't be kept."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._claim: socket.socket | None = None
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((host, port))
            self.number: int = self._socket.getsockname()[1]
            if _CAN_KEEP:
                self._claim = _claim(self.number)
        except OSError:
            self._socket.close()
            raise
        if not _CAN_KEEP:
            self._socket.close()
        self.first = self._claim is not None or not _CAN_KEEP

    def __repr__(self) -> str:
        return f"<KeptPort {self.number}>"

    def close(self) -> None:
        """Keep it no longer; whoever listens on it goes on."""
        self._socket.close()
        if self._claim is not None:
            self._claim.close()


def keep_port(preferred: int = 0) -> KeptPort:
    """`preferred` if nobody listens on it on 127.0.0.1 or keeps it, else any free port.

    A server that is away for a moment and keeps nothing is not seen. Raises OSError if no port can be kept.
    """
    port = preferred
    while True:
        try:
            kept = KeptPort(port)
        except OSError:
            if port == 0:
                raise
        else:
            if kept.first:
                return kept
            kept.close()
        port = 0


def _claim(number: int) -> socket.socket | None:
    """A name that one process of this network namespace can have, and that ends with it; None: taken."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0kalepool-port-{number}")
    except OSError as error:
        claim.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    return claim
