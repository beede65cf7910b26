"""The Backend's entry: settings, logs, one service until a signal ends it."""

import asyncio
import sys
from pathlib import Path

from backend_svc.server import describe, serve_backend
from backend_svc.settings import BackendSettings
from poolkit.lifecycle import report_startup_error, run_service
from poolkit.logs import configure_logs
from poolkit.settings import DEFAULT_ENV_FILE, load_settings
from poolkit.startup_error import StartupError


def main(env_file: Path | None = None) -> int:
    """Load the settings, from `.env` where no file is named, and run; the process's exit code.

    2: could not start, one line said why.
    """
    try:
        settings = load_settings(BackendSettings, env_file=env_file or DEFAULT_ENV_FILE)
    except StartupError as error:
        return report_startup_error(error)
    return run(settings)


def run(settings: BackendSettings) -> int:
    """Run the Backend until SIGTERM or SIGINT; the process's exit code."""
    try:
        configure_logs(settings.log_level, service="backend", file=settings.log_file)
    except StartupError as error:
        return report_startup_error(error)
    return run_service(lambda: _serve(settings), shutdown_wall_seconds=settings.shutdown_wall_seconds)


async def _serve(settings: BackendSettings) -> None:
    async with serve_backend(settings) as backend:
        print(describe(backend), flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    sys.exit(main())
