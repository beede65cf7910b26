"""What the admin endpoint tells of the RPC nodes."""

import aiohttp

from localnet.testing import running_localnet
from tests.localnet.admin.conftest import Admin


async def test_each_node_tells_how_far_it_is() -> None:
    async with (
        running_localnet(runs_clock=False, nodes=2, lag_ledgers=(0, 3)) as node,
        aiohttp.ClientSession(node.admin_url) as session,
    ):
        node.close_ledgers(2)
        first, second = (await Admin(session).ask("/nodes"))["nodes"]
        assert first == {
            "number": 0,
            "url": node.rpc_url,
            "latest_ledger": 3,
            "oldest_ledger": 1,
            "behind_ledgers": 0,
            "lag_ledgers": 0,
        }
        assert (second["url"], second["latest_ledger"]) == (node.rpc_nodes[1].rpc_url, 1)
        assert (second["behind_ledgers"], second["lag_ledgers"]) == (2, 3)
