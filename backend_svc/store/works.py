"""Questions about works: the best nonce of a planted farmer in a block, and what came of it."""

from uuid import uuid4

from peewee import fn

from backend_svc.store.models import BlockOperations, Harvests, Plantings, Works, as_record, maybe_record
from backend_svc.store.records import Fault, HarvestStatus, Planting, Work, WorkStatus

_OPEN = (WorkStatus.RECORDED, WorkStatus.SUBMITTING)
_FAILED = (WorkStatus.REFUSED, WorkStatus.FAILED)


def record_nonce(
    planting: Planting,
    *,
    nonce: int,
    hash: bytes,
    zeros: int,
    attempts: int,
    hashes: int,
    work_seconds: float,
) -> Work:
    """Keep the better of this nonce and the one known; the caller has verified the hash.

    A failed work becomes recorded again if this nonce is better. A confirmed
    one keeps its outcome.
    """
    query = Works.insert(
        id=str(uuid4()),
        operation_id=planting.operation_id,
        planting_id=planting.id,
        farmer_id=planting.farmer_id,
        block_index=planting.block_index,
        nonce=nonce,
        hash=hash,
        zeros=zeros,
        attempts=attempts,
        hashes=hashes,
        work_seconds=work_seconds,
    )
    first = list(query.on_conflict_ignore().returning(Works).execute())
    if first:
        return as_record(Work, first[0])
    work = lock_work(planting.farmer_id, planting.block_index)
    assert work is not None
    Works.update(attempts=attempts, hashes=hashes, work_seconds=work_seconds).where(
        Works.id == work.id
    ).execute()
    if (work.zeros is None or zeros > work.zeros) and work.status is not WorkStatus.CONFIRMED:
        Works.update(nonce=nonce, hash=hash, zeros=zeros).where(Works.id == work.id).execute()
        if work.status in _FAILED:
            _reopen(work.id)
    return get_work(work.id)


def record_not_found(planting: Planting, *, reason: str, fault: Fault, message: str) -> Work:
    """The pooler found nothing. A nonce recorded before stays, and so does any outcome."""
    Works.insert(
        id=str(uuid4()),
        operation_id=planting.operation_id,
        planting_id=planting.id,
        farmer_id=planting.farmer_id,
        block_index=planting.block_index,
        status=WorkStatus.FAILED,
        reason=reason,
        fault=fault,
        message=message,
        finished_at=fn.now(),
    ).on_conflict_ignore().execute()
    work = find_work(planting.farmer_id, planting.block_index)
    assert work is not None
    return work


def get_work(work_id: str) -> Work:
    return as_record(Work, Works.get(Works.id == work_id))


def find_work(farmer_id: str, block_index: int) -> Work | None:
    row = Works.get_or_none((Works.farmer_id == farmer_id) & (Works.block_index == block_index))
    return maybe_record(Work, row)


def lock_work(farmer_id: str, block_index: int) -> Work | None:
    """The same, its row held until COMMIT."""
    query = Works.select().where((Works.farmer_id == farmer_id) & (Works.block_index == block_index))
    row = query.for_update().first()
    return maybe_record(Work, row)


def begin_submission(work_id: str) -> Work | None:
    """Take a recorded work in hand; None if somebody has it or it is finished."""
    query = (
        Works.update(status=WorkStatus.SUBMITTING, submissions=Works.submissions + 1)
        .where((Works.id == work_id) & (Works.status == WorkStatus.RECORDED))
        .returning(Works)
    )
    rows = list(query.execute())
    return as_record(Work, rows[0]) if rows else None


def record_confirmed(
    work_id: str,
    *,
    gap: int,
    zeros: int,
    work_ledger: int | None,
    transaction_id: str | None,
    recovered: bool = False,
    by_outsider: bool = False,
) -> Work:
    """The pail holds this gap and these zeros: by our transaction, or by a stranger's."""
    Works.update(
        status=WorkStatus.CONFIRMED,
        gap=gap,
        confirmed_zeros=zeros,
        work_ledger=work_ledger,
        transaction_id=transaction_id,
        recovered=recovered,
        by_outsider=by_outsider,
        reason=None,
        fault=None,
        message="",
        finished_at=fn.now(),
    ).where(Works.id == work_id).execute()
    return get_work(work_id)


def record_work_failed(
    work_id: str,
    *,
    reason: str,
    fault: Fault,
    message: str,
    refused: bool = False,
    transaction_id: str | None = None,
) -> Work:
    """It came to nothing (`refused`: before anything was sent). A confirmed one stays as it is."""
    Works.update(
        status=WorkStatus.REFUSED if refused else WorkStatus.FAILED,
        reason=reason,
        fault=fault,
        message=message,
        transaction_id=transaction_id,
        finished_at=fn.now(),
    ).where((Works.id == work_id) & Works.status.in_(_OPEN)).execute()
    return get_work(work_id)


def record_worked_by_outsider(planting: Planting, *, gap: int, zeros: int) -> Work:
    """The pail was worked, and not by us: with these numbers it will be harvested."""
    Works.insert(
        id=str(uuid4()),
        operation_id=planting.operation_id,
        planting_id=planting.id,
        farmer_id=planting.farmer_id,
        block_index=planting.block_index,
        status=WorkStatus.CONFIRMED,
        gap=gap,
        confirmed_zeros=zeros,
        by_outsider=True,
        finished_at=fn.now(),
    ).on_conflict_ignore().execute()
    work = lock_work(planting.farmer_id, planting.block_index)
    assert work is not None
    if work.status is WorkStatus.CONFIRMED:
        return work
    return record_confirmed(
        work.id, gap=gap, zeros=zeros, work_ledger=None, transaction_id=None, by_outsider=True
    )


def record_worked_better(work_id: str, *, gap: int, zeros: int) -> None:
    """A stranger has worked the pail anew, with more zeros: now it holds these numbers."""
    Works.update(gap=gap, confirmed_zeros=zeros, by_outsider=True).where(
        (Works.id == work_id) & (Works.status == WorkStatus.CONFIRMED) & (Works.confirmed_zeros < zeros)
    ).execute()


def works_to_be_harvested(current_index: int) -> list[Work]:
    """Confirmed works of closed blocks whose pails nobody has harvested as far as we know."""
    to_harvest = Harvests.select(Harvests.planting_id).where(
        (Harvests.status == HarvestStatus.OPEN) & (Harvests.block_index < current_index)
    )
    query = Works.select().where((Works.status == WorkStatus.CONFIRMED) & Works.planting_id.in_(to_harvest))
    return [as_record(Work, row) for row in query]


def unfinished_works(block_index: int | None = None) -> list[Work]:
    """Works recorded or in hand, of one block or of all: what a silent pooler leaves to us."""
    query = Works.select().where(Works.status.in_(_OPEN))
    if block_index is not None:
        query = query.where(Works.block_index == block_index)
    return [as_record(Work, row) for row in query.order_by(Works.block_index, Works.created_at)]


def has_submissions(pooler_id: str) -> bool:
    """Whether a work of this pooler is in hand."""
    mine = BlockOperations.select(BlockOperations.id).where(BlockOperations.pooler_id == pooler_id)
    in_hand = Works.status == WorkStatus.SUBMITTING
    return Works.select().where(in_hand & Works.operation_id.in_(mine)).exists()


def works_of(operation_id: str) -> list[Work]:
    query = Works.select().where(Works.operation_id == operation_id)
    return [as_record(Work, row) for row in query.order_by(Works.created_at, Works.id)]


def has_unconfirmed(operation_id: str) -> bool:
    """Whether a planted farmer's work is not confirmed, or has not come at all."""
    confirmed = Works.select(Works.planting_id).where(
        (Works.operation_id == operation_id) & (Works.status == WorkStatus.CONFIRMED)
    )
    planted = (Plantings.operation_id == operation_id) & (Plantings.status == "planted")
    return Plantings.select().where(planted & Plantings.id.not_in(confirmed)).exists()


def plantings_without_work(operation_id: str) -> list[Planting]:
    """Planted farmers of whom no result came: their stakes are lost when the block closes."""
    worked = Works.select(Works.planting_id).where(Works.operation_id == operation_id)
    query = Plantings.select().where(
        (Plantings.operation_id == operation_id)
        & (Plantings.status == "planted")
        & Plantings.id.not_in(worked)
    )
    return [as_record(Planting, row) for row in query]


def _reopen(work_id: str) -> None:
    Works.update(status=WorkStatus.RECORDED, reason=None, fault=None, message="", finished_at=None).where(
        Works.id == work_id
    ).execute()
