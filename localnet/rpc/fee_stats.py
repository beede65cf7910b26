"""getFeeStats: what inclusion has cost in the last ledgers."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from localnet.chain.chain_view import ChainView
from localnet.rpc.jsonrpc import Result
from localnet.rpc.parameters import Params, Structure
from localnet.transactions.application import AppliedTransaction

GET_FEE_STATS: Final = Structure("GetFeeStatsRequest")

SOROBAN_LEDGERS = 50
CLASSIC_LEDGERS = 10

_PERCENTILES = (10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99)


class FeeStats:
    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    def get(self, _: Params) -> Result:
        return {
            "sorobanInclusionFee": self._distribution(SOROBAN_LEDGERS, soroban=True),
            "inclusionFee": self._distribution(CLASSIC_LEDGERS, soroban=False),
            "latestLedger": self._chain.latest.sequence,
        }

    def _distribution(self, window: int, *, soroban: bool) -> dict[str, Any]:
        history = self._chain.history
        end = history.latest.sequence + 1
        fees = [
            _fee(transaction)
            for ledger in history.busy_ledgers(end - window, end)
            for transaction in ledger.transactions
            if transaction.is_soroban is soroban
        ]
        ledgers = min(window, end - history.oldest.sequence)
        return _describe(sorted(fees), ledgers)


def _fee(transaction: AppliedTransaction) -> int:
    """The inclusion fee an operation of a transaction (of the inner one of a fee bump)."""
    if transaction.is_soroban:
        return transaction.inclusion_fee_stroops
    return transaction.fee_charged_stroops // transaction.operations


def _describe(fees: Sequence[int], ledgers: int) -> dict[str, Any]:
    described: dict[str, Any] = {
        "max": str(max(fees, default=0)),
        "min": str(min(fees, default=0)),
        "mode": str(Counter(fees).most_common(1)[0][0] if fees else 0),
    }
    for percentile in _PERCENTILES:
        described[f"p{percentile}"] = str(_nearest_rank(fees, percentile))
    described["transactionCount"] = str(len(fees))
    described["ledgerCount"] = ledgers if fees else 0
    return described


def _nearest_rank(fees: Sequence[int], percentile: int) -> int:
    return fees[-(-percentile * len(fees) // 100) - 1] if fees else 0
