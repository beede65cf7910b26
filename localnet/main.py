"""The localnet's process."""

import gc
from typing import Final

from kale.constants import STROOPS_PER_KALE
from localnet.chain.speed import DRIVEN
from localnet.genesis import FAUCET, FAUCET_KALE_STROOPS
from localnet.server import LocalnetNode
from localnet.settings import LocalnetSettings
from poolkit.banner import banner
from poolkit.lifecycle import run_service

#: For `gc.set_threshold`. A request makes thousands of XDR objects without cycles: they go when nobody holds
#: them any more. With Python's 700 the collector would look for cycles among them several times a request, at
#: 40 % of all time; and the history grows by acyclic objects too, so old generations are rarely of interest.
_COLLECTION_THRESHOLDS: Final = (200_000, 20, 20)


def run(settings: LocalnetSettings) -> int:
    """Serves until SIGTERM or SIGINT; the exit code (2 and one line on stderr if it cannot start)."""

    async def serve() -> None:
        async with LocalnetNode(settings) as node:
            print(_banner(node, settings), flush=True)
            _collect_garbage()
            try:
                await node.run_forever()
            finally:
                print(node.faults.report(), end="", flush=True)

    return run_service(serve)


def _collect_garbage() -> None:
    """From now on, and not what is there already: modules and genesis stay as long as the process."""
    gc.freeze()
    gc.set_threshold(*_COLLECTION_THRESHOLDS)
    gc.enable()


def _banner(node: LocalnetNode, settings: LocalnetSettings) -> str:
    network = node.network
    return banner(
        "localnet",
        {
            "rpc": " ".join(each.rpc_url for each in node.rpc_nodes),
            "friendbot": node.friendbot_url,
            "admin": node.admin_url,
            "passphrase": network.passphrase,
            "speed": _pace(settings),
            "farm contract": network.farm_contract_id,
            "asset": f"{network.asset_code}:{network.asset_issuer}",
            "asset contract": network.asset_contract_id,
            "faucet": f"{FAUCET.public_key} ({FAUCET_KALE_STROOPS // STROOPS_PER_KALE:,} KALE)",
        },
    )


def _pace(settings: LocalnetSettings) -> str:
    if settings.speed == DRIVEN:
        return "max: a ledger each time a driver returns its ticket"
    seconds = settings.network_settings.close_milliseconds / 1_000 / settings.speed
    return f"{settings.speed:g} x real time: a ledger every {seconds:.3g} s"
