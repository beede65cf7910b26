"""A service for the life cycle's tests: `python -m tests.poolkit.signalled_service KIND`."""

import asyncio
import sys
from contextlib import asynccontextmanager

from poolkit.lifecycle import run_service
from poolkit.startup_error import StartupError


@asynccontextmanager
async def part(name: str):  # type: ignore[no-untyped-def]
    print(f"{name} up", flush=True)
    try:
        yield
    finally:
        # Awaiting here shows that the shutdown is not itself cancelled.
        await asyncio.sleep(0.01)
        print(f"{name} down", flush=True)


async def graceful() -> None:
    async with part("database"), part("server"):
        await asyncio.Event().wait()


async def stubborn() -> None:
    print("server up", flush=True)
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("ignored", flush=True)


async def straggling() -> None:
    """Ends when told, and leaves a task behind that does not."""
    left_behind = asyncio.create_task(stubborn())
    async with part("server"):
        await asyncio.wait({left_behind})


async def misconfigured() -> None:
    raise StartupError("configuration: RPC_URL is missing,\n  password=hunter2")


async def broken() -> None:
    raise ValueError("a bug")


async def finished() -> None:
    return


if __name__ == "__main__":
    sys.exit(run_service(globals()[sys.argv[1]], shutdown_wall_seconds=float(sys.argv[2])))
