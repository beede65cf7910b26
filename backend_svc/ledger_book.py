"""What is booked when: every movement of KALE as a double entry.

Each function is one event; its entries sum to zero, and a repetition books
nothing (they return False then). They run inside `Database.run`, in the COMMIT
of the outcome they belong to.

    event            more in            less in            when
    deposit          farmer_free        chain_outside      a transfer from outside came in
    withdrawal       chain_outside      farmer_free        a transfer went outside
    stake_planted    farmer_in_play     farmer_free        a plant burned the stake
    stake_returned   farmer_free        farmer_in_play     a harvest minted it again …
    reward_minted    farmer_free        chain_minted       … and the reward on top
    stake_forfeited  chain_forfeited    farmer_in_play     the pail is gone, never worked
    outsider_mint    farmer_free        chain_minted       minted by a transaction not ours
    outsider_burn    chain_outside      farmer_free        burned by a transaction not ours

`harvest` returns the reward but mints reward + stake: two events. When a
stranger harvested our pail, the whole mint is booked from the chain's event as
outsider_mint; `book_harvested_by_outsider` then moves the stake out of play, and
`book_stake_returned_by_outsider` where the stranger had worked it, too, and we
know no more than that it is gone.
"""

from backend_svc.store import ledger
from backend_svc.store.ledger import Entry
from backend_svc.store.records import Account, Harvest, LedgerEventKind, Planting


def book_planted(planting: Planting, transaction_hash: bytes, plant_ledger: int) -> bool:
    """The stake of a planted pail goes into play. A stake of 0 moves nothing."""
    if not planting.stake_stroops:
        return False
    return ledger.add_event(
        LedgerEventKind.STAKE_PLANTED,
        planting.farmer_id,
        _move(planting.farmer_id, Account.FARMER_FREE, Account.FARMER_IN_PLAY, planting.stake_stroops),
        reference_id=planting.id,
        transaction_hash=transaction_hash,
        ledger=plant_ledger,
    )


def book_planted_by_outsider(planting: Planting) -> bool:
    """The pail was planted by a transaction that is not on record: its burn is booked as outsider_burn,
    the stake is in play all the same."""
    if not planting.stake_stroops:
        return False
    return ledger.add_event(
        LedgerEventKind.STAKE_PLANTED,
        planting.farmer_id,
        _move(planting.farmer_id, Account.CHAIN_OUTSIDE, Account.FARMER_IN_PLAY, planting.stake_stroops),
        reference_id=planting.id,
        ledger=planting.plant_ledger,
        outsider=True,
    )


def book_harvested(harvest: Harvest, transaction_hash: bytes, harvest_ledger: int) -> bool:
    """Our harvest minted stake and reward: two events, with the amounts of the harvested row."""
    booked = False
    if harvest.stake_stroops:
        booked = ledger.add_event(
            LedgerEventKind.STAKE_RETURNED,
            harvest.farmer_id,
            _move(harvest.farmer_id, Account.FARMER_IN_PLAY, Account.FARMER_FREE, harvest.stake_stroops),
            reference_id=harvest.id,
            transaction_hash=transaction_hash,
            ledger=harvest_ledger,
        )
    if harvest.reward_stroops:
        booked |= ledger.add_event(
            LedgerEventKind.REWARD_MINTED,
            harvest.farmer_id,
            _move(harvest.farmer_id, Account.CHAIN_MINTED, Account.FARMER_FREE, harvest.reward_stroops),
            reference_id=harvest.id,
            transaction_hash=transaction_hash,
            ledger=harvest_ledger,
        )
    return booked


def book_harvested_by_outsider(harvest: Harvest) -> bool:
    """A stranger harvested our pail: the mint is booked as outsider_mint, the stake is no longer in play.

    What the farm minted is then less by the stake, so that chain_minted is the
    rewards alone, whoever harvested.
    """
    return _book_stake_minted_by_outsider(
        harvest.farmer_id, harvest.stake_stroops, harvest.id, harvest.harvest_ledger
    )


def book_stake_returned_by_outsider(planting: Planting) -> bool:
    """The same for a pail that a stranger worked and harvested before we saw it: there is no harvest row."""
    return _book_stake_minted_by_outsider(planting.farmer_id, planting.stake_stroops or 0, planting.id, None)


def book_forfeited(planting: Planting) -> bool:
    """The block is closed and the pail was never worked (or vanished unharvested): the stake is lost."""
    if not planting.stake_stroops:
        return False
    return ledger.add_event(
        LedgerEventKind.STAKE_FORFEITED,
        planting.farmer_id,
        _move(planting.farmer_id, Account.FARMER_IN_PLAY, Account.CHAIN_FORFEITED, planting.stake_stroops),
        reference_id=planting.id,
        ledger=None,
    )


def book_movement(
    kind: LedgerEventKind,
    farmer_id: str,
    amount_stroops: int,
    *,
    chain_event_id: str,
    transaction_hash: bytes,
    ledger_sequence: int,
    outsider: bool,
) -> bool:
    """A movement that the chain's events tell of: deposit, withdrawal, or one by an outsider."""
    less, more = _SIDES[kind]
    return ledger.add_event(
        kind,
        farmer_id,
        _move(farmer_id, less, more, amount_stroops),
        chain_event_id=chain_event_id,
        transaction_hash=transaction_hash,
        ledger=ledger_sequence,
        outsider=outsider,
    )


def _book_stake_minted_by_outsider(
    farmer_id: str, stake_stroops: int, reference_id: str, harvest_ledger: int | None
) -> bool:
    if not stake_stroops:
        return False
    return ledger.add_event(
        LedgerEventKind.STAKE_RETURNED,
        farmer_id,
        _move(farmer_id, Account.FARMER_IN_PLAY, Account.CHAIN_MINTED, stake_stroops),
        reference_id=reference_id,
        ledger=harvest_ledger,
        outsider=True,
    )


_SIDES = {
    LedgerEventKind.DEPOSIT: (Account.CHAIN_OUTSIDE, Account.FARMER_FREE),
    LedgerEventKind.WITHDRAWAL: (Account.FARMER_FREE, Account.CHAIN_OUTSIDE),
    LedgerEventKind.OUTSIDER_MINT: (Account.CHAIN_MINTED, Account.FARMER_FREE),
    LedgerEventKind.OUTSIDER_BURN: (Account.FARMER_FREE, Account.CHAIN_OUTSIDE),
}


def _move(farmer_id: str, less: Account, more: Account, amount_stroops: int) -> tuple[Entry, Entry]:
    return (
        Entry(less, -amount_stroops, _owner(less, farmer_id)),
        Entry(more, amount_stroops, _owner(more, farmer_id)),
    )


def _owner(account: Account, farmer_id: str) -> str | None:
    return farmer_id if account in (Account.FARMER_FREE, Account.FARMER_IN_PLAY) else None
