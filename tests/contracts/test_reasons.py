"""Every reason of the protos can be provoked, or is listed as not yet reachable."""

import pytest

from kalepool.v1.errors_pb2 import Reason
from poolkit.errors import PoolError
from tests.contracts.outages import OUTAGES
from tests.contracts.provocations import PROVOCATIONS, Provocation
from tests.contracts.running_pool import RunningPool, running_pool
from tests.contracts.unreachable_reasons import UNREACHABLE

_ALL = {*Reason.values()}
_PROVOKED = {*PROVOCATIONS, *OUTAGES}


def test_every_reason_is_provoked_or_listed_as_unreachable() -> None:
    missing = _ALL - _PROVOKED - set(UNREACHABLE)
    assert not [Reason.Name(reason) for reason in missing]


def test_no_reason_is_both() -> None:
    both = _PROVOKED & set(UNREACHABLE)
    assert not [Reason.Name(reason) for reason in both]


def test_every_unreachable_reason_says_what_stands_in_the_way() -> None:
    assert all(len(obstacle) > 5 for obstacle in UNREACHABLE.values())


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("reason", PROVOCATIONS, ids=Reason.Name)
async def test_a_reason_can_be_provoked(pool: RunningPool, reason: Reason.ValueType) -> None:
    seen = await _seen(PROVOCATIONS[reason], pool)
    assert Reason.Name(reason) in seen


@pytest.mark.parametrize("reason", OUTAGES, ids=Reason.Name)
async def test_a_reason_can_be_provoked_by_an_outage(reason: Reason.ValueType) -> None:
    async with running_pool() as pool:
        with pytest.raises(PoolError) as refusal:
            await OUTAGES[reason](pool)
    assert refusal.value.reason_name == Reason.Name(reason)


async def _seen(provocation: Provocation, pool: RunningPool) -> list[str]:
    try:
        return [Reason.Name(reason) for reason in await provocation(pool)]
    except PoolError as refusal:
        return [refusal.reason_name]
