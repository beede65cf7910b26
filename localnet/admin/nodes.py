"""`/nodes`: how far each RPC node is."""

from collections.abc import Sequence

from localnet.admin.requests import NoFields, Result
from localnet.rpc_node import RpcNode


class NodeAdmin:
    """Serves `/nodes`."""

    def __init__(self, nodes: Sequence[RpcNode]) -> None:
        self._nodes = nodes

    async def get(self, _: NoFields) -> Result:
        """`behind_ledgers` is what a node lacks now, `lag_ledgers` what it is told to lack."""
        return {
            "nodes": [
                {
                    "number": number,
                    "url": node.rpc_url,
                    "latest_ledger": node.view.latest.sequence,
                    "oldest_ledger": node.view.history.oldest.sequence,
                    "behind_ledgers": node.view.behind_ledgers,
                    "lag_ledgers": node.view.lag_ledgers,
                }
                for number, node in enumerate(self._nodes)
            ]
        }
