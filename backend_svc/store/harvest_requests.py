"""Questions about harvest requests: when every pail of one has its outcome."""

from dataclasses import dataclass

from peewee import fn

from backend_svc.store.models import HarvestRequestPails, HarvestRequests, Harvests, as_record
from backend_svc.store.records import HarvestRequest, HarvestStatus


@dataclass(frozen=True)
class HarvestCounts:
    """What came of a request: pails, and stroops of those that were harvested."""

    due: int
    harvested: int
    failed: int
    total_reward_stroops: int
    total_stake_stroops: int


def add_request(
    session_id: str, request_sequence: int, pooler_id: str, harvest_ids: list[str], *, refused: int
) -> None:
    """What was asked, in the COMMIT that takes the request. `refused` pails have no harvest row."""
    HarvestRequests.insert(
        session_id=session_id, request_sequence=request_sequence, pooler_id=pooler_id, refused=refused
    ).execute()
    if harvest_ids:
        HarvestRequestPails.insert_many(
            [(session_id, request_sequence, harvest_id) for harvest_id in harvest_ids],
            fields=[
                HarvestRequestPails.session_id,
                HarvestRequestPails.request_sequence,
                HarvestRequestPails.harvest_id,
            ],
        ).execute()


def untold_requests(pooler_id: str) -> list[HarvestRequest]:
    """Those whose totals were not told yet, oldest first."""
    query = HarvestRequests.select().where(
        (HarvestRequests.pooler_id == pooler_id) & HarvestRequests.told_at.is_null()
    )
    return [as_record(HarvestRequest, row) for row in query.order_by(HarvestRequests.request_sequence)]


def is_asked_for(harvest_id: str) -> bool:
    """Whether a request whose totals were not told yet waits for this pail."""
    untold = HarvestRequests.told_at.is_null()
    return (
        HarvestRequestPails.select()
        .join(
            HarvestRequests,
            on=(
                (HarvestRequests.session_id == HarvestRequestPails.session_id)
                & (HarvestRequests.request_sequence == HarvestRequestPails.request_sequence)
            ),
        )
        .where((HarvestRequestPails.harvest_id == harvest_id) & untold)
        .exists()
    )


def is_settled(request: HarvestRequest) -> bool:
    """Whether each of its pails is harvested, lost, or failed in the attempt made for it.

    An open one that is claimed is being harvested; one without a reason is
    still to be.
    """
    claimed = Harvests.claimed_until.is_null(False) & (Harvests.claimed_until > fn.now())
    pending = (Harvests.status == HarvestStatus.OPEN) & (claimed | Harvests.reason.is_null())
    return not _pails(request).where(pending).exists()


def request_counts(request: HarvestRequest) -> HarvestCounts:
    """What came of a request so far; `failed` includes what could not be harvested at all."""
    harvested = Harvests.status == HarvestStatus.HARVESTED
    row = (
        _pails(request)
        .select(
            fn.COUNT(Harvests.id),
            fn.COUNT(Harvests.id).filter(harvested),
            fn.COALESCE(fn.SUM(Harvests.reward_stroops).filter(harvested), 0),
            fn.COALESCE(fn.SUM(Harvests.stake_stroops).filter(harvested), 0),
        )
        .scalar(as_tuple=True)
    )
    due, done, reward, stake = (int(value) for value in row)
    return HarvestCounts(
        due=due,
        harvested=done,
        failed=due - done + request.refused,
        total_reward_stroops=reward,
        total_stake_stroops=stake,
    )


def mark_told(request: HarvestRequest) -> bool:
    """Count the totals as told; False if they were before."""
    query = HarvestRequests.update(told_at=fn.now()).where(
        (HarvestRequests.session_id == request.session_id)
        & (HarvestRequests.request_sequence == request.request_sequence)
        & HarvestRequests.told_at.is_null()
    )
    return bool(query.execute())


def _pails(request: HarvestRequest):  # type: ignore[no-untyped-def]
    ids = HarvestRequestPails.select(HarvestRequestPails.harvest_id).where(
        (HarvestRequestPails.session_id == request.session_id)
        & (HarvestRequestPails.request_sequence == request.request_sequence)
    )
    return Harvests.select().where(Harvests.id.in_(ids))
