"""A port on which requests are served, and which can be closed and opened again."""

import errno
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

from poolkit.ports import KeptPort
from poolkit.startup_error import StartupError

_SHUTDOWN_WALL_SECONDS = 1.0

Serve = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
"""Answers requests of all methods and paths: aiohttp's routing would take longer than most answers."""


class Listener:
    """Bound from the start, so that the real port is known before anything is served; kept until the end."""

    def __init__(self, host: str, port: int, option: str = "--port") -> None:
        """`option` is what chooses the port. Raises StartupError if it is taken."""
        self._host = host
        self._option = option
        self._kept = _keep(host, port, option)
        self._port = self._kept.number
        self._socket: socket.socket | None = _bind(host, self._port, option)
        self._runner: web.ServerRunner | None = None

    def __repr__(self) -> str:
        return f"Listener({self.address}, {'open' if self._runner else 'closed'})"

    @property
    def address(self) -> str:
        return f"{self._host}:{self._port}"

    async def open(self, serve: Serve) -> None:
        """Accepts connections; binds again after a close. Raises StartupError if the port was lost."""
        bound = self._socket or _bind(self._host, self._port, self._option)
        self._socket = None
        # Go's server, and so a real node, takes bodies as they come, whatever Content-Encoding says.
        server = web.Server(serve, access_log=None, auto_decompress=False)
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_WALL_SECONDS)
        await runner.setup()
        await web.SockSite(runner, bound).start()
        self._runner = runner

    async def close(self) -> None:
        """Refuses connections from now on, and ends those that are open."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def end(self) -> None:
        """Closes it for good, and gives the port back."""
        await self.close()
        self._kept.close()


def _keep(host: str, port: int, option: str) -> KeptPort:
    try:
        return KeptPort(port, host)
    except OSError as error:
        raise _unusable(host, port, option, error) from error


def _bind(host: str, port: int, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise _unusable(host, port, option, error) from error


def _unusable(host: str, port: int, option: str, error: OSError) -> StartupError:
    reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
    return StartupError(f"port {port} of {host} {reason}; choose another with {option}")
