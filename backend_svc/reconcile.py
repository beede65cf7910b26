"""Proves, farmer by farmer, that rows, ledger entries, kept balances and the chain agree.

The chain is read anew. Life goes on meanwhile, so the records are read before
and after the chain: only a farmer of whom nothing changed in between, and
nothing is under way, is judged; the others are looked at again a ledger later.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from backend_svc.rules.agreement import FarmerRecords, Finding, disagreements
from backend_svc.store import transactions
from backend_svc.store.database import Database
from backend_svc.store.reconciliation import farmer_records
from poolkit.chain_clock import ChainClock
from poolkit.farm_reader import PailView, TrustlineView

_ROUNDS = 6


class FarmView(Protocol):
    """What is read from the chain; poolkit's FarmReader is one. Raises RpcUnavailable."""

    async def trustlines(self, holders: Iterable[str]) -> dict[str, TrustlineView]: ...

    async def pails(self, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], PailView]: ...


class EventBook(Protocol):
    """Books what the chain's events tell; ChainEvents is one."""

    async def catch_up(self) -> int:
        """The ledger up to which all is booked."""
        ...


@dataclass(frozen=True)
class Comparison:
    """One farmer as compared: KALE on its trustline by our records and by the chain, in stroops."""

    farmer_id: str
    recorded_stroops: int
    on_chain_stroops: int
    pails: int
    ledger: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Reconciliation:
    """`unsettled` farmers never held still long enough to be compared."""

    comparisons: tuple[Comparison, ...]
    unsettled: tuple[str, ...]

    @property
    def reconciled(self) -> bool:
        return not self.findings and not self.unsettled

    @property
    def agreed(self) -> tuple[str, ...]:
        """Farmers that show no difference."""
        return tuple(each.farmer_id for each in self.comparisons if not each.findings)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for each in self.comparisons for finding in each.findings)


@dataclass(frozen=True)
class _Look:
    """One reading of the chain between two of the records. `on_time`: the chain's is no older than they."""

    before: dict[str, FarmerRecords]
    after: dict[str, FarmerRecords]
    trustlines: dict[str, TrustlineView]
    pails: dict[tuple[str, int], PailView]
    on_time: bool

    def still(self) -> list[FarmerRecords]:
        """The farmers of whom nothing moved meanwhile, and nothing is under way."""
        if not self.on_time:
            return []
        return [
            records
            for farmer_id, records in self.after.items()
            if records == self.before.get(farmer_id) and not records.unsettled
        ]

    def compare(self, records: FarmerRecords) -> Comparison:
        address = records.public_key
        trustline = self.trustlines.get(address)
        balance = trustline.balance_stroops if trustline is not None else 0
        views = [view for (holder, _), view in self.pails.items() if holder == address]
        ledgers = [view.ledger for view in views] + ([trustline.ledger] if trustline is not None else [])
        return Comparison(
            farmer_id=records.farmer_id,
            recorded_stroops=records.expected_free_stroops,
            on_chain_stroops=balance,
            pails=len(records.pails),
            ledger=max(ledgers, default=0),
            findings=tuple(disagreements(records, balance, {view.index: view.pail for view in views})),
        )


class Reconciler:
    """Compares on demand; holds nothing."""

    def __init__(self, *, database: Database, farm: FarmView, events: EventBook, clock: ChainClock) -> None:
        self._database = database
        self._farm = farm
        self._events = events
        self._clock = clock

    async def reconcile(self, farmer_id: str | None = None) -> Reconciliation:
        """Compare one farmer or all. Raises RpcUnavailable."""
        compared: dict[str, Comparison] = {}
        unsettled: list[str] = []
        for again in range(_ROUNDS):
            if again:
                await self._clock.wait_for_next_ledger()
            look = await self._look(farmer_id)
            for records in look.still():
                if records.farmer_id not in compared:
                    compared[records.farmer_id] = look.compare(records)
            unsettled = sorted(look.after.keys() - compared.keys())
            if not unsettled:
                break
        return Reconciliation(
            comparisons=tuple(compared[farmer] for farmer in sorted(compared)), unsettled=tuple(unsettled)
        )

    async def _look(self, farmer_id: str | None) -> _Look:
        newest = max(await self._events.catch_up(), await self._database.run(transactions.newest_ledger))
        before = await self._database.run(farmer_records, farmer_id)
        trustlines = await self._farm.trustlines([records.public_key for records in before.values()])
        wanted = [
            (records.public_key, pail.block_index) for records in before.values() for pail in records.pails
        ]
        pails = await self._farm.pails(wanted)
        ledgers = [view.ledger for view in trustlines.values()] + [view.ledger for view in pails.values()]
        # What happened up to the last of them must be in the second reading of the records.
        booked = await self._events.catch_up()
        after = await self._database.run(farmer_records, farmer_id)
        on_time = not ledgers or (newest <= min(ledgers) and max(ledgers) <= booked)
        return _Look(before, after, trustlines, pails, on_time)
