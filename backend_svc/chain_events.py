"""Books what the chain says about our wallets: every transfer, mint and burn of KALE, once.

The asset contract's events are read in order behind a stored cursor, which
moves in the COMMIT of the entries. Movements by transactions of ours that have
outcomes of their own (a plant's burn, a harvest's mint) are booked with those;
here is the rest: deposits, withdrawals, and what outsiders did.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from stellar_sdk import scval, xdr

from backend_svc import ledger_book
from backend_svc.store import farmers, ledger, transactions
from backend_svc.store.database import Database
from backend_svc.store.records import ChainCursor, LedgerEventKind
from poolkit.chain_clock import ChainClock
from poolkit.errors import RpcUnavailable
from poolkit.logs import get_logger
from poolkit.rpc_answers import ChainEvent, EventFilter, EventPage

log = get_logger(__name__)

_PAGE = 1_000


class EventSource(Protocol):
    """Where events come from; StellarRpc is one. Raises RpcUnavailable if no node answers."""

    async def events(
        self,
        *,
        start_ledger: int | None = None,
        end_ledger: int | None = None,
        cursor: str | None = None,
        filters: Sequence[EventFilter] = (),
        limit: int = _PAGE,
    ) -> EventPage: ...


@dataclass(frozen=True)
class Movement:
    """KALE that moved. An empty address is the mint's or the burn's other side."""

    kind: str
    source: str
    target: str
    amount_stroops: int


class ChainEvents:
    """The one reader of the asset contract's events; several Backends may run it at once."""

    def __init__(
        self, *, database: Database, source: EventSource, clock: ChainClock, asset_contract_id: str
    ) -> None:
        self._database = database
        self._source = source
        self._clock = clock
        self._filter = EventFilter(contract_ids=(asset_contract_id,))
        self._name = f"asset {asset_contract_id}"

    async def run_forever(self) -> None:
        """Catch up once a ledger; a node that does not answer is asked again at the next."""
        while True:
            try:
                await self.catch_up()
            except RpcUnavailable as error:
                log.warning("chain events not read", error=str(error))
            await self._clock.wait_for_next_ledger()

    async def catch_up(self) -> int:
        """Book everything that is new; the ledger up to which all is booked now.

        The first time it starts at the latest ledger: before that the database
        had no farmer. Raises RpcUnavailable, and RpcRefused when the cursor is
        older than what the nodes hold.
        """
        while True:
            cursor = await self._database.run(ledger.find_cursor, self._name)
            page = await self._next_page(cursor)
            full = len(page.events) == _PAGE
            # The rest of a full page's last ledger is still to come.
            reached = _ledger_of(page.cursor) - (1 if full else 0)
            await self._database.run(self._book_page, cursor, page, reached)
            # A node scans a limited number of ledgers at once: a page may be neither full nor the last.
            if not full and reached >= page.latest_ledger:
                return reached

    async def _next_page(self, cursor: ChainCursor | None) -> EventPage:
        if cursor is not None:
            return await self._source.events(cursor=cursor.cursor, filters=[self._filter], limit=_PAGE)
        head = await self._clock.wait_for_ledger(0)
        return await self._source.events(start_ledger=head.sequence, filters=[self._filter], limit=_PAGE)

    def _book_page(self, behind: ChainCursor | None, page: EventPage, reached: int) -> None:
        if ledger.lock_cursor(self._name) != behind:
            return  # another Backend has booked this page meanwhile
        wallets = farmers.farmer_ids_by_address()
        moved = [(event, movement) for event in page.events if (movement := read_movement(event)) is not None]
        hashes = {bytes.fromhex(event.transaction_hash) for event, _ in moved}
        ours = transactions.are_ours(sorted(hashes))
        for event, movement in moved:
            _book(event, movement, wallets, bytes.fromhex(event.transaction_hash) in ours)
        # A lagging node may know less than the one before.
        reached = max(reached, behind.ledger if behind is not None else 0)
        ledger.move_cursor(self._name, page.cursor, reached)


def _ledger_of(cursor: str) -> int:
    """Cursors and event ids begin with a TOID: ledger ‖ transaction ‖ operation (SEP-35)."""
    return int(cursor.partition("-")[0]) >> 32


def read_movement(event: ChainEvent) -> Movement | None:
    """The movement that an event of the asset contract tells of; None if it tells of none.

    Topics (CAP-67): transfer [name, from, to, asset], mint [name, to, asset],
    burn and clawback [name, from, asset]. Data: an i128, or a map with `amount`.
    """
    topics = [xdr.SCVal.from_xdr(topic) for topic in event.topics_xdr]
    name = topics[0].sym.sc_symbol.decode() if topics and topics[0].sym is not None else ""
    # Before CAP-67 mint and clawback named the admin first: the holder is the last address.
    addresses = [scval.from_address(topic).address for topic in topics[1:] if topic.address is not None]
    if name not in _MOVEMENTS or not addresses:
        return None
    amount = _amount(xdr.SCVal.from_xdr(event.value_xdr))
    if name == "transfer":
        return Movement(name, addresses[0], addresses[-1], amount)
    if name == "mint":
        return Movement(name, "", addresses[-1], amount)
    return Movement(name, addresses[-1], "", amount)


_MOVEMENTS = ("transfer", "mint", "burn", "clawback")


def _amount(value: xdr.SCVal) -> int:
    if value.map is not None:
        fields = {entry.key.sym.sc_symbol: entry.val for entry in value.map.sc_map if entry.key.sym}
        value = fields[b"amount"]
    return scval.from_int128(value)


def _book(event: ChainEvent, movement: Movement, wallets: dict[str, str], ours: bool) -> None:
    if movement.amount_stroops == 0 or movement.source == movement.target:
        return
    for address, kind in _sides(movement, ours):
        if address in wallets:
            ledger_book.book_movement(
                kind,
                wallets[address],
                movement.amount_stroops,
                chain_event_id=event.id,
                transaction_hash=bytes.fromhex(event.transaction_hash),
                ledger_sequence=event.ledger,
                outsider=not ours,
            )


def _sides(movement: Movement, ours: bool) -> list[tuple[str, LedgerEventKind]]:
    """Whose account to book on, and as what. A mint or burn of ours has its own entry already."""
    if movement.kind == "transfer":
        return [
            (movement.source, LedgerEventKind.WITHDRAWAL),
            (movement.target, LedgerEventKind.DEPOSIT),
        ]
    if ours:
        return []
    if movement.kind == "mint":
        return [(movement.target, LedgerEventKind.OUTSIDER_MINT)]
    return [(movement.source, LedgerEventKind.OUTSIDER_BURN)]
