"""What must hold before the Backend serves; each check leaves a clear line."""

from backend_svc.settings import BackendSettings
from backend_svc.store.database import Database
from backend_svc.store.schema import migrate_in_thread
from poolkit.farm_reader import FarmReader
from poolkit.preflight import (
    Check,
    chain_advances_check,
    farm_check,
    free_port_check,
    network_check,
)
from poolkit.stellar_rpc import StellarRpc


def backend_checks(
    settings: BackendSettings, database: Database, rpc: StellarRpc, farms: FarmReader
) -> list[Check]:
    """In the order in which a failure explains the later ones."""
    network = settings.network
    return [
        configuration_check(settings),
        database_check(database),
        network_check(rpc, network),
        chain_advances_check(rpc),
        farm_check(farms, network),
        free_port_check("port", settings.backend_host, settings.backend_port, setting="BACKEND_PORT"),
    ]


def configuration_check(settings: BackendSettings) -> Check:
    """The settings were read; what they say of the network is shown."""

    async def run() -> str:
        return f"network {settings.network.name}, {len(settings.rpc_urls)} Stellar RPC endpoint(s)"

    return Check("configuration", run)


def database_check(database: Database) -> Check:
    """The server answers, and holds the schema of this version."""

    async def run() -> str:
        await database.check()
        applied = await migrate_in_thread(database)
        state = f"migrated by {', '.join(applied)}" if applied else "schema is up to date"
        return f"{database.address}, {state}"

    return Check("database", run, "check DATABASE_URL, and that PostgreSQL runs")
