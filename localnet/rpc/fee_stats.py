"""getFeeStats: what inclusion has cost in the last ledgers."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

from localnet.chain.chain_view import ChainView
from localnet.chain.closed_ledger import ClosedLedger
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
        first = max(end - window, history.oldest.sequence)
        fees: Counter[int] = Counter()
        for sequence in range(first, end):
            _count_fees(history.ledger(sequence), fees, soroban=soroban)
        return _describe(fees, end - first)


def _count_fees(ledger: ClosedLedger, fees: Counter[int], *, soroban: bool) -> None:
    """Adds what each transaction paid for an operation; the background load paid the base fee."""
    fees.update(_fee(applied) for applied in ledger.transactions if applied.is_soroban is soroban)
    strangers = ledger.inclusion.strangers(soroban=soroban)
    if strangers:
        fees[ledger.inclusion.base_fee_stroops(soroban=soroban)] += strangers


def _fee(transaction: AppliedTransaction) -> int:
    """The inclusion fee an operation of a transaction (of the inner one of a fee bump)."""
    if transaction.is_soroban:
        return transaction.inclusion_fee_stroops
    return transaction.fee_charged_stroops // transaction.operations


def _describe(fees: Counter[int], ledgers: int) -> dict[str, Any]:
    ordered = sorted(fees)
    ranks = list(accumulate(fees[fee] for fee in ordered))
    described: dict[str, Any] = {
        "max": str(max(ordered, default=0)),
        "min": str(min(ordered, default=0)),
        "mode": str(max(ordered, key=lambda fee: fees[fee], default=0)),
    }
    for percentile in _PERCENTILES:
        described[f"p{percentile}"] = str(_nearest_rank(ordered, ranks, percentile))
    described["transactionCount"] = str(fees.total())
    described["ledgerCount"] = ledgers if fees else 0
    return described


def _nearest_rank(ordered: Sequence[int], ranks: Sequence[int], percentile: int) -> int:
    """The fee at a percentile; `ranks` are how many transactions paid up to each fee."""
    return ordered[bisect_left(ranks, -(-percentile * ranks[-1] // 100))] if ranks else 0
