"""What must be right before the Pooler starts, in the order in which it is checked."""

from pooler_svc.backend_link import BackendLink
from pooler_svc.hashers import Hasher
from pooler_svc.settings import PoolerSettings
from poolkit.farm_reader import FarmReader
from poolkit.preflight import Check, chain_advances_check, farm_check, free_port_check, network_check
from poolkit.stellar_rpc import StellarRpc


def pooler_checks(
    settings: PoolerSettings, rpc: StellarRpc, farms: FarmReader, link: BackendLink, hasher: Hasher
) -> list[Check]:
    """Configuration, port, network, chain, farm, Backend, hasher (which it leaves running)."""
    network = settings.network
    return [
        Check("configuration", lambda: _describe(settings)),
        free_port_check("port", settings.pooler_host, settings.pooler_port, setting="POOLER_PORT"),
        network_check(rpc, network),
        chain_advances_check(rpc),
        farm_check(farms, network),
        Check("Backend", link.check, "check BACKEND_ADDRESS and POOLER_API_KEY, and that the Backend runs"),
        Check("hasher", lambda: _start(hasher)),
    ]


async def _describe(settings: PoolerSettings) -> str:
    return (
        f"{settings.stellar_network}, at most {settings.max_farmers_capacity} farmers, "
        f"works go up {settings.work_delay_minutes:g} min after a block opens"
    )


async def _start(hasher: Hasher) -> str:
    await hasher.start()
    return repr(hasher)
