"""The methods that this node serves, by name."""

from collections.abc import Mapping

from localnet.chain.chain_view import ChainView
from localnet.rpc.events import Events
from localnet.rpc.fee_stats import FeeStats
from localnet.rpc.jsonrpc import Method
from localnet.rpc.ledger_entries import LedgerEntries
from localnet.rpc.ledgers import Ledgers
from localnet.rpc.node_info import NodeInfo
from localnet.rpc.simulations import Simulations
from localnet.rpc.submission import Submissions
from localnet.rpc.transactions import Transactions


def rpc_methods(chain: ChainView, friendbot_url: str) -> Mapping[str, Method]:
    """All methods of stellar-rpc, on this chain."""
    node = NodeInfo(chain, friendbot_url)
    transactions = Transactions(chain)
    return {
        "getHealth": node.health,
        "getNetwork": node.network,
        "getVersionInfo": node.version,
        "getLatestLedger": node.latest_ledger,
        "getLedgerEntries": LedgerEntries(chain).get,
        "simulateTransaction": Simulations(chain).simulate,
        "sendTransaction": Submissions(chain).send,
        "getTransaction": transactions.get,
        "getTransactions": transactions.list,
        "getLedgers": Ledgers(chain).list,
        "getEvents": Events(chain).get,
        "getFeeStats": FeeStats(chain).get,
    }
