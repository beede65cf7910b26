"""A Backend within the process of a test, with everything real but its own process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from backend_svc.server import Backend, serve_backend
from backend_svc.settings import BackendSettings
from poolkit.grpc_client import open_channel


def local_settings(data_dir: Path, *, rpc_url: str, database_url: str, **others: object) -> BackendSettings:
    """Settings for a localnet and a database, on a port that the system chooses; keys go to `data_dir`."""
    known: dict[str, object] = {
        "stellar_network": "local",
        "rpc_url": rpc_url,
        "database_url": database_url,
        "backend_port": 0,
        "backend_data_dir": data_dir,
        "db_pool_size": 8,
    }
    return BackendSettings.model_validate({**known, **others})


@asynccontextmanager
async def running_backend(settings: BackendSettings) -> AsyncIterator[Backend]:
    """Run a Backend until the block ends; with BACKEND_PORT 0 `backend.server.address` says where."""
    async with serve_backend(settings) as backend:
        yield backend


@asynccontextmanager
async def admin_channel(backend: Backend) -> AsyncIterator[grpc.aio.Channel]:
    """A channel with the admin key of the first start."""
    key = backend.settings.admin_key_path.read_text().strip()
    async with open_channel(backend.server.address, key) as channel:
        yield channel
