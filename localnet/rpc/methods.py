"""The methods that this node serves, by name."""

from collections.abc import Mapping
from typing import Final

from localnet.chain.chain_view import ChainView
from localnet.rpc.events import GET_EVENTS, Events
from localnet.rpc.fee_stats import GET_FEE_STATS, FeeStats
from localnet.rpc.jsonrpc import Method
from localnet.rpc.ledger_entries import GET_LEDGER_ENTRIES, LedgerEntries
from localnet.rpc.ledgers import GET_LEDGERS, Ledgers
from localnet.rpc.node_info import GET_HEALTH, GET_LATEST_LEDGER, GET_NETWORK, GET_VERSION_INFO, NodeInfo
from localnet.rpc.parameters import method
from localnet.rpc.simulations import SIMULATE_TRANSACTION, Simulations
from localnet.rpc.submission import SEND_TRANSACTION, Submissions
from localnet.rpc.transactions import GET_TRANSACTION, GET_TRANSACTIONS, Transactions

METHOD_NAMES: Final = (
    "getHealth",
    "getNetwork",
    "getVersionInfo",
    "getLatestLedger",
    "getLedgerEntries",
    "simulateTransaction",
    "sendTransaction",
    "getTransaction",
    "getTransactions",
    "getLedgers",
    "getEvents",
    "getFeeStats",
)


def rpc_methods(chain: ChainView, friendbot_url: str) -> Mapping[str, Method]:
    """All methods of stellar-rpc, on this chain."""
    node = NodeInfo(chain, friendbot_url)
    transactions = Transactions(chain)
    return {
        "getHealth": method(GET_HEALTH, node.health),
        "getNetwork": method(GET_NETWORK, node.network),
        "getVersionInfo": method(GET_VERSION_INFO, node.version),
        "getLatestLedger": method(GET_LATEST_LEDGER, node.latest_ledger),
        "getLedgerEntries": method(GET_LEDGER_ENTRIES, LedgerEntries(chain).get),
        "simulateTransaction": method(SIMULATE_TRANSACTION, Simulations(chain).simulate),
        "sendTransaction": method(SEND_TRANSACTION, Submissions(chain).send),
        "getTransaction": method(GET_TRANSACTION, transactions.get),
        "getTransactions": method(GET_TRANSACTIONS, transactions.list, takes_list=True),
        "getLedgers": method(GET_LEDGERS, Ledgers(chain).list),
        "getEvents": method(GET_EVENTS, Events(chain).get),
        "getFeeStats": method(GET_FEE_STATS, FeeStats(chain).get),
    }
