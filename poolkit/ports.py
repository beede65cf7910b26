"""A port that is kept: while nobody listens on it, it is given to nobody who asks the system for any port."""

import socket
import sys

# Linux lets one socket listen where another is only bound, if both of them say SO_REUSEADDR.
_CAN_KEEP = sys.platform == "linux"


class KeptPort:
    """A port of `host`, from now on until `close`.

    Whoever asks for this very port gets it, as servers do (with SO_REUSEADDR). Elsewhere than on Linux it
    can't be kept: it was free when it was chosen.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Port 0: any that is free. Raises OSError if somebody listens on it."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self.number: int = self._socket.getsockname()[1]
        if not _CAN_KEEP:
            self._socket.close()

    def __repr__(self) -> str:
        return f"<KeptPort {self.number}>"

    def close(self) -> None:
        """Keep it no longer; whoever listens on it goes on."""
        self._socket.close()


def keep_port(preferred: int = 0) -> KeptPort:
    """`preferred` if nobody listens on it on 127.0.0.1, else any free port."""
    try:
        return KeptPort(preferred)
    except OSError:
        return KeptPort()
