"""From start to exit code: signals, graceful shutdown, one line for what can't start."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn

from poolkit.logger import get_logger
from poolkit.redaction import redact_text
from poolkit.startup_error import StartupError

log = get_logger(__name__)

DEFAULT_SHUTDOWN_WALL_SECONDS: Final = 20.0
EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_STARTUP: Final = 2
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

Service = Callable[[], Awaitable[None]]


def run_service(service: Service, *, shutdown_wall_seconds: float = DEFAULT_SHUTDOWN_WALL_SECONDS) -> int:
    """Run a service until it returns or a SIGTERM or SIGINT comes; the process's exit code.

    A signal cancels the service's task: what it set up in `async with` blocks is taken down in
    reverse order, which is its graceful shutdown. After `shutdown_wall_seconds`, or at a second
    signal, it is given up, with whatever it left behind: the process ends at once with exit code 1.
    0: ended as asked. 1: failed; the log has the trace. 2: StartupError, one line on stderr.
    """
    patience = _Patience(shutdown_wall_seconds)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_until_signal(service, patience))
    except StartupError as error:
        return report_startup_error(error)
    finally:
        patience.end()


class _Patience:
    """Ends the process if its end takes too long.

    A thread of its own: leaving the loop waits for tasks and threads that are left behind, without
    end, and a loop that is blocked could not end itself.
    """

    def __init__(self, wall_seconds: float) -> None:
        self._timer = threading.Timer(wall_seconds, self.give_up)
        self._timer.daemon = True
        self.wall_seconds = wall_seconds

    def begin(self) -> None:
        """The end has begun. To be called once."""
        self._timer.start()

    def end(self) -> None:
        """All is done in time."""
        self._timer.cancel()

    def give_up(self) -> NoReturn:
        """End the process now."""
        log.error("gave up waiting for the service to end", shutdown_wall_seconds=self.wall_seconds)
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(EXIT_FAILED)

    def __repr__(self) -> str:
        return f"<_Patience {self.wall_seconds:g} s>"


def report_startup_error(error: StartupError) -> int:
    """Say in one line on stderr why the process can't start; exit code 2."""
    line = " ".join(redact_text(str(error)).split())
    print(f"error: {line}", file=sys.stderr, flush=True)
    return EXIT_STARTUP


async def _until_signal(service: Service, patience: _Patience) -> int:
    running = asyncio.ensure_future(service())
    stop = asyncio.Event()
    give_up = asyncio.Event()
    _listen(stop, give_up)
    await _either(running, stop)
    patience.begin()
    if not running.done():
        log.info("shutting down", shutdown_wall_seconds=patience.wall_seconds)
        running.cancel()
        await _either(running, give_up)
    if not running.done():
        patience.give_up()
    return _exit_code(running)


async def _either(running: "asyncio.Future[None]", event: asyncio.Event) -> None:
    """Return when the service has ended or the event has come."""
    waiting = asyncio.ensure_future(event.wait())
    awaited: set[asyncio.Future[Any]] = {running, waiting}
    await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


def _listen(stop: asyncio.Event, give_up: asyncio.Event) -> None:
    def on_signal(number: int) -> None:
        (give_up if stop.is_set() else stop).set()
        log.info("signal received", signal=signal.Signals(number).name)

    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, on_signal, number)


def _exit_code(ended: "asyncio.Future[None]") -> int:
    if ended.cancelled():
        return EXIT_OK
    error = ended.exception()
    if isinstance(error, StartupError):
        raise error
    if error is not None:
        log.error("service failed", exc_info=error)
        return EXIT_FAILED
    return EXIT_OK


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it exists; it is not made for Windows."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
