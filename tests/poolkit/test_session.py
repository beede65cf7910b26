"""Stream sessions against a real server: nothing lost, nothing twice, whatever breaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from kalepool.v1 import backend_pb2
from poolkit.errors import (
    BackendUnavailable,
    CapacityExceeded,
    StreamSuperseded,
    Unauthenticated,
    WrongStatus,
)
from poolkit.session import SessionState, StreamSession
from tests.poolkit.session_backend import (
    Link,
    Session,
    SessionBackend,
    harvest,
    linked,
    running_session_backend,
    superseded,
)


@asynccontextmanager
async def running(link: Link) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(link.session.run_forever())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


@pytest.fixture
async def served() -> AsyncIterator[tuple[SessionBackend, Link]]:
    async with running_session_backend() as (backend, target), linked(target) as link:
        yield backend, link


async def test_requests_are_numbered_acknowledged_and_answered_in_order(
    served: tuple[SessionBackend, Link],
) -> None:
    backend, link = served
    async with running(link), asyncio.timeout(60):
        sent = [link.session.send(harvest(index)) for index in (5, 6, 7)]
        await sent[-1].wait_acknowledged()
        await link.wait_told(3)
    assert [each.sequence for each in sent] == [1, 2, 3]
    assert all(each.acknowledged for each in sent)
    assert backend.harvested_blocks() == [5, 6, 7]
    assert link.told == [1, 2, 3]
    assert len({request.idempotency_key for request in backend.session.committed}) == 3


async def test_requests_sent_before_the_first_connection_wait_for_it(
    served: tuple[SessionBackend, Link],
) -> None:
    backend, link = served
    sent = link.session.send(harvest(5))
    assert (sent.sequence, sent.acknowledged) == (0, False)
    async with running(link):
        await sent.wait_acknowledged()
    assert backend.harvested_blocks() == [5]


async def test_a_new_process_goes_on_where_the_numbering_stands(served: tuple[SessionBackend, Link]) -> None:
    backend, link = served
    backend.session.committed += [harvest(1), harvest(2)]
    sent = link.session.send(harvest(3))
    async with running(link):
        await sent.wait_acknowledged()
    assert sent.sequence == 3
    assert backend.opens[0].session_id == ""
    assert backend.opens[0].last_sequence_seen == 0


def told_before(number: int) -> Session:
    session = Session("session-1")
    for sequence in range(1, number + 1):
        totals = backend_pb2.HarvestTotals(request_sequence=sequence)
        session.committed.append(harvest(sequence))
        session.responses.append(backend_pb2.HarvestResponse(sequence=sequence, totals=totals))
    return session


async def test_a_new_process_is_caught_up_after_the_last_replayed_response(
    served: tuple[SessionBackend, Link],
) -> None:
    backend, link = served
    backend.session, backend.answers = told_before(3), False
    async with running(link):
        await link.session.wait_for(SessionState.OPEN)
        assert not link.session.caught_up
        backend.speak()
        await link.wait_told(3)
        assert link.session.caught_up
    assert link.session.status().connections == 1
    assert link.session.status().heard_wall_seconds_ago is not None


async def test_a_replay_that_leaves_everything_out_ends_with_an_acknowledgement(
    served: tuple[SessionBackend, Link],
) -> None:
    backend, link = served
    backend.session, backend.finished_blocks = told_before(3), True
    async with running(link), asyncio.timeout(60):
        while not link.session.caught_up:
            await asyncio.sleep(0.005)
    assert link.told == []


@pytest.mark.parametrize("cut_after", [1, 2, 3])
async def test_a_cut_connection_loses_and_repeats_nothing(
    served: tuple[SessionBackend, Link], cut_after: int
) -> None:
    backend, link = served
    backend.cut_after_requests = cut_after
    async with running(link), asyncio.timeout(60):
        sent = [link.session.send(harvest(index)) for index in range(10, 20)]
        await sent[-1].wait_acknowledged()
        await link.wait_told(10)
    assert backend.harvested_blocks() == list(range(10, 20))
    assert link.told == list(range(1, 11))
    assert backend.connections > 2


async def test_after_a_reconnect_only_unseen_responses_are_asked_for(
    served: tuple[SessionBackend, Link],
) -> None:
    backend, link = served
    async with running(link):
        link.session.send(harvest(1))
        await link.wait_told(1)
        await backend.cut()
        link.session.send(harvest(2))
        await link.wait_told(2)
    assert [(opening.session_id, opening.last_sequence_seen) for opening in backend.opens] == [
        ("", 0),
        ("session-1", 1),
    ]
    assert link.told == [1, 2]


async def test_a_response_whose_handler_failed_comes_again(served: tuple[SessionBackend, Link]) -> None:
    _, link = served
    link.fail_on = 2
    for index in (1, 2, 3):
        link.session.send(harvest(index))
    with pytest.raises(ValueError, match="the handler failed"):
        await link.session.run_forever()
    assert link.told == [1]
    async with running(link):
        await link.wait_told(3)
    assert link.told == [1, 2, 3]


async def test_an_acknowledgement_without_an_answer_empties_the_outbox(
    served: tuple[SessionBackend, Link],
) -> None:
    backend, link = served
    backend.answers = False
    async with running(link), asyncio.timeout(60):
        link.session.send(harvest(1))
        while not backend.session.committed:
            await asyncio.sleep(0.005)
        assert link.session.status().unacknowledged == 1
        backend.speak()
        await link.wait_told(1)
        assert link.session.status().unacknowledged == 0


async def test_a_restarted_server_is_found_again(kept_port: int) -> None:
    backend = SessionBackend()  # type: ignore[abstract]
    async with (
        running_session_backend(backend, kept_port) as (_, target),
        linked(target) as link,
        running(link),
    ):
        first = link.session.send(harvest(1))
        await first.wait_acknowledged()
    async with linked(target) as link, running(link):
        second = link.session.send(harvest(2))
        async with asyncio.timeout(60):
            while link.session.status().last_error is None:
                await asyncio.sleep(0.005)
        assert link.session.state is not SessionState.OPEN
        async with running_session_backend(backend, kept_port), asyncio.timeout(60):
            await second.wait_acknowledged()
            assert link.session.status().last_error is None
    assert backend.harvested_blocks() == [1, 2]


async def test_a_server_that_forgot_the_session_gets_the_outbox_anew(
    served: tuple[SessionBackend, Link],
) -> None:
    backend, link = served
    async with running(link), asyncio.timeout(60):
        await link.session.send(harvest(1)).wait_acknowledged()
        await link.wait_told(1)
        backend.session = Session("session-2")
        await backend.cut()
        second = link.session.send(harvest(2))
        await second.wait_acknowledged()
        await link.wait_told(2)
    assert [opening.session_id for opening in backend.opens] == ["", "session-1", ""]
    assert (second.sequence, link.session.status().session_id) == (1, "session-2")
    assert backend.harvested_blocks() == [2]


@pytest.mark.parametrize("refusal", [superseded(), Unauthenticated("the API key is unknown or revoked")])
async def test_a_client_that_is_refused_for_good_does_not_reconnect(
    served: tuple[SessionBackend, Link], refusal: Exception
) -> None:
    backend, link = served
    backend.refuse_with = refusal
    with pytest.raises((StreamSuperseded, Unauthenticated)):
        await link.session.run_forever()
    assert backend.connections == 1
    assert link.session.state is SessionState.DISCONNECTED


async def test_a_passing_refusal_is_answered_by_reconnecting(served: tuple[SessionBackend, Link]) -> None:
    backend, link = served
    backend.refuse_with = BackendUnavailable("the database is away")
    async with running(link), asyncio.timeout(60):
        sent = link.session.send(harvest(1))
        while backend.connections < 2:
            await asyncio.sleep(0.005)
        backend.refuse_with = None
        await sent.wait_acknowledged()


async def test_close_sends_what_is_queued_and_says_goodbye(served: tuple[SessionBackend, Link]) -> None:
    backend, link = served
    async with running(link) as task, asyncio.timeout(60):
        await link.session.wait_for(SessionState.OPEN)
        link.session.send(harvest(1))
        await link.session.close()
        await task
    assert backend.harvested_blocks() == [1]
    assert backend.goodbyes == 1
    assert repr(link.session).startswith("<StreamSession harvest closed")


async def test_close_without_a_connection_returns_at_once(served: tuple[SessionBackend, Link]) -> None:
    _, link = served
    await link.session.close()
    await link.session.run_forever()
    assert link.session.state is SessionState.CLOSED


async def test_the_outbox_has_a_limit() -> None:
    async def ignore(_response: object) -> None:
        raise WrongStatus("never called")

    session: StreamSession[backend_pb2.HarvestRequest, backend_pb2.HarvestResponse] = StreamSession(
        "harvest", lambda: None, backend_pb2.HarvestRequest, ignore, most_unacknowledged=2
    )
    session.send(harvest(1))
    session.send(harvest(2))
    with pytest.raises(CapacityExceeded, match="at most 2"):
        session.send(harvest(3))


async def test_an_own_idempotency_key_is_kept(served: tuple[SessionBackend, Link]) -> None:
    backend, link = served
    request = harvest(1)
    request.idempotency_key = "a6f3c1de-7f3a-4e57-8a50-5b0f9a1d2c3e"
    async with running(link):
        await link.session.send(request).wait_acknowledged()
    assert backend.session.committed[0].idempotency_key == "a6f3c1de-7f3a-4e57-8a50-5b0f9a1d2c3e"
