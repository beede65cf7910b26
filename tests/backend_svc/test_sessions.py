import asyncio
from collections.abc import AsyncIterator, Callable
from typing import ParamSpec, TypeVar

import pytest

from backend_svc.sessions import Commit, FollowUp, SessionStreams
from backend_svc.store import operations, poolers, sessions
from backend_svc.store.database import Database
from backend_svc.store.notifications import SessionNotifications
from backend_svc.store.records import OperationStatus, StreamKind, StreamSession
from kalepool.v1.backend_pb2 import PlantBlock, PlantRequest, PlantResponse, PlantSummary
from kalepool.v1.errors_pb2 import Reason
from poolkit.errors import (
    BlockNotCurrent,
    InvalidField,
    RequestIdConflict,
    RpcUnavailable,
    StreamOutOfOrder,
    StreamSequenceGap,
    StreamSessionUnknown,
    StreamSuperseded,
)
from tests.backend_svc.streams import Conversation, new_id

Talk = Conversation[PlantRequest, PlantResponse]
P = ParamSpec("P")
R = TypeVar("R")


class EchoTaker:
    """Answers each plant_block with a summary of that block, in the COMMIT that takes it.

    Block 0 is refused; while `rpc_is_down` nothing can be checked.
    """

    def __init__(self) -> None:
        self.started: list[int] = []
        self._another_started = asyncio.Event()
        self.rpc_is_down = False
        self.pending_session = ""

    async def take(self, pooler_id: str, request: PlantRequest) -> Commit:
        index = request.plant_block.block_index
        if self.rpc_is_down:
            raise RpcUnavailable("no node answers")
        if index == 0:
            raise BlockNotCurrent("plant_block.block_index must be 7 (got 0)")

        def commit(session: StreamSession) -> FollowUp:
            operation = operations.open_operation(index, pooler_id, capacity=5, deadline=None)
            tell(session.id, index, operation.id)
            return lambda: self._start(index)

        return commit

    def _start(self, index: int) -> None:
        self.started.append(index)
        self._another_started.set()

    async def first_started(self) -> list[int]:
        """What was started, once something was: the COMMIT may be told before it is followed up."""
        await self._another_started.wait()
        return self.started

    def has_pending(self, pooler_id: str) -> bool:
        """As long as fewer than two responses are committed to `pending_session`."""
        session = sessions.find_session(self.pending_session) if self.pending_session else None
        return session is not None and session.last_response_sequence < 2


class LateDatabase(Database):
    """Whoever commits a request hears of it only after `go_on`; all others see it at once."""

    def __init__(self, url: str) -> None:
        super().__init__(url, pool_size=4)
        self.go_on = asyncio.Event()

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        result = await super().run(function, *args, **kwargs)
        if any(isinstance(argument, PlantRequest) for argument in args):
            await self.go_on.wait()
        return result


def tell(session_id: str, index: int, operation_id: str | None = None) -> None:
    response = PlantResponse(summary=PlantSummary(block_index=index))
    sessions.append_response(
        session_id, kind="summary", payload=response.SerializeToString(), operation_id=operation_id
    )


@pytest.fixture
async def pooler_id(database: Database) -> str:
    pooler = await database.run(
        poolers.add_pooler, name="p", public_key=None, endpoint="", capacity=5, share_basis_points=0
    )
    assert pooler is not None
    return pooler.id


@pytest.fixture
def taker() -> EchoTaker:
    return EchoTaker()


@pytest.fixture
async def wakes(database_url: str) -> AsyncIterator[SessionNotifications]:
    wakes = SessionNotifications(database_url)
    listening = asyncio.create_task(wakes.listen_forever())
    await wakes.wait_until_listening()
    yield wakes
    listening.cancel()
    await asyncio.wait([listening])


def plant_streams(
    taker: EchoTaker, database: Database, wakes: SessionNotifications
) -> SessionStreams[PlantRequest, PlantResponse]:
    return SessionStreams(
        kind=StreamKind.PLANT, response_type=PlantResponse, taker=taker, database=database, wakes=wakes
    )


@pytest.fixture
def streams(
    taker: EchoTaker, database: Database, wakes: SessionNotifications
) -> SessionStreams[PlantRequest, PlantResponse]:
    return plant_streams(taker, database, wakes)


@pytest.fixture
def talk(streams: SessionStreams[PlantRequest, PlantResponse], pooler_id: str) -> Talk:
    return Conversation(lambda requests: streams.converse(pooler_id, requests), PlantRequest)


@pytest.fixture
def second_talk(streams: SessionStreams[PlantRequest, PlantResponse], pooler_id: str) -> Talk:
    return Conversation(lambda requests: streams.converse(pooler_id, requests), PlantRequest)


async def test_a_request_is_acknowledged_with_what_its_commit_told(talk: Talk, taker: EchoTaker) -> None:
    opened = await talk.open()
    assert not opened.resumed
    talk.ask(plant_block=PlantBlock(block_index=7))
    told = await talk.next()
    assert (told.sequence, told.acknowledged_sequence, told.summary.block_index) == (1, 1, 7)
    assert await taker.first_started() == [7]


async def test_what_a_commit_told_acknowledges_it_though_its_maker_has_not_heard_of_it_yet(
    database_url: str, pooler_id: str, taker: EchoTaker, wakes: SessionNotifications
) -> None:
    database = LateDatabase(database_url)
    streams = plant_streams(taker, database, wakes)
    talk: Talk = Conversation(lambda requests: streams.converse(pooler_id, requests), PlantRequest)
    await talk.open()
    talk.ask(plant_block=PlantBlock(block_index=7))
    told = await talk.next()
    assert (told.sequence, told.acknowledged_sequence, taker.started) == (1, 1, [])
    database.go_on.set()
    assert await taker.first_started() == [7]
    await talk.break_off()
    database.close()


async def test_the_first_message_must_be_open(talk: Talk) -> None:
    talk.ask(plant_block=PlantBlock(block_index=7))
    with pytest.raises(StreamOutOfOrder, match="got plant_block"):
        await talk.next()


async def test_a_stream_without_any_message_is_out_of_order(talk: Talk) -> None:
    talk.stop_asking()
    with pytest.raises(StreamOutOfOrder, match="got nothing"):
        await talk.next()


async def test_a_second_open_is_out_of_order(talk: Talk) -> None:
    await talk.open()
    with pytest.raises(StreamOutOfOrder, match="second one"):
        await talk.open()


async def test_a_gap_in_the_sequence_names_field_limit_and_value(talk: Talk, taker: EchoTaker) -> None:
    await talk.open()
    talk.ask(sequence=3, plant_block=PlantBlock(block_index=7))
    with pytest.raises(StreamSequenceGap) as refusal:
        await talk.next()
    violation = refusal.value.field_violations[0]
    assert violation.field == "sequence"
    assert "must be 1" in violation.description
    assert "got 3" in violation.description
    assert taker.started == []


async def test_a_request_of_sequence_zero_is_refused(talk: Talk) -> None:
    await talk.open()
    talk.ask(sequence=0, plant_block=PlantBlock(block_index=7))
    with pytest.raises(StreamSequenceGap, match="got 0"):
        await talk.next()


async def test_a_request_without_content_ends_the_stream(talk: Talk) -> None:
    await talk.open()
    talk.ask()
    with pytest.raises(InvalidField, match="message must hold"):
        await talk.next()


@pytest.mark.parametrize("key", ["", "not-a-uuid"])
async def test_a_request_without_a_good_idempotency_key_ends_the_stream(talk: Talk, key: str) -> None:
    await talk.open()
    talk.ask(key=key, plant_block=PlantBlock(block_index=7))
    with pytest.raises(InvalidField, match="idempotency_key"):
        await talk.next()


async def test_a_request_that_can_not_be_done_is_refused_and_the_stream_goes_on(
    talk: Talk, taker: EchoTaker
) -> None:
    await talk.open()
    talk.ask(plant_block=PlantBlock(block_index=0))
    talk.ask(plant_block=PlantBlock(block_index=7))
    refused = await talk.next_durable()
    assert refused.refused.request_sequence == 1
    assert refused.refused.failure.reason == Reason.REASON_BLOCK_NOT_CURRENT
    assert (await talk.next_durable()).summary.block_index == 7
    assert await taker.first_started() == [7]


async def test_a_fault_of_ours_ends_the_stream_and_leaves_the_request_uncommitted(
    talk: Talk, second_talk: Talk, taker: EchoTaker
) -> None:
    await talk.open()
    taker.rpc_is_down = True
    talk.ask(plant_block=PlantBlock(block_index=7))
    with pytest.raises(RpcUnavailable):
        await talk.next()
    taker.rpc_is_down = False
    assert (await second_talk.open()).last_request_sequence == 0


async def test_a_repeated_request_is_acknowledged_and_does_nothing(talk: Talk, taker: EchoTaker) -> None:
    await talk.open()
    key = new_id()
    talk.ask(key=key, plant_block=PlantBlock(block_index=7))
    await talk.next_durable()
    talk.ask(sequence=1, key=key, plant_block=PlantBlock(block_index=7))
    again = await talk.next()
    assert again.HasField("acknowledged")
    assert again.acknowledged_sequence == 1
    assert await taker.first_started() == [7]


async def test_a_key_that_comes_again_under_a_new_sequence_does_nothing(talk: Talk, taker: EchoTaker) -> None:
    await talk.open()
    key = new_id()
    talk.ask(key=key, plant_block=PlantBlock(block_index=7))
    talk.ask(key=key, plant_block=PlantBlock(block_index=7))
    while (await talk.next()).acknowledged_sequence < 2:
        pass
    assert await taker.first_started() == [7]


async def test_a_key_with_other_content_ends_the_stream(talk: Talk) -> None:
    await talk.open()
    key = new_id()
    talk.ask(key=key, plant_block=PlantBlock(block_index=7))
    talk.ask(key=key, plant_block=PlantBlock(block_index=8))
    await talk.next_durable()
    with pytest.raises(RequestIdConflict, match="other content"):
        await talk.next()


async def test_a_new_connection_goes_on_after_the_last_sequence_seen(
    talk: Talk, second_talk: Talk, taker: EchoTaker
) -> None:
    opened = await talk.open()
    for index in (7, 8, 9):
        talk.ask(plant_block=PlantBlock(block_index=index))
        await talk.next_durable()
    await talk.break_off()
    resumed = await second_talk.open(opened.session_id, last_sequence_seen=2)
    assert resumed.resumed
    assert resumed.session_id == opened.session_id
    assert (resumed.last_request_sequence, resumed.last_response_sequence) == (3, 3)
    assert (await second_talk.next()).summary.block_index == 9
    second_talk.ask(plant_block=PlantBlock(block_index=10))
    assert (await second_talk.next_durable()).sequence == 4


async def test_a_pooler_that_has_seen_nothing_gets_the_blocks_that_are_not_finished(
    talk: Talk, second_talk: Talk, database: Database, pooler_id: str
) -> None:
    await talk.open()
    for index in (7, 8):
        talk.ask(plant_block=PlantBlock(block_index=index))
        await talk.next_durable()

    def finish() -> None:
        operation = operations.find_operation(7, pooler_id)
        assert operation is not None
        operations.advance_operation(operation.id, OperationStatus.HARVESTED)

    await database.run(finish)
    await talk.break_off()
    await second_talk.open(last_sequence_seen=0)
    assert (await second_talk.next_durable()).summary.block_index == 8


async def test_a_new_connection_supersedes_the_old_one(talk: Talk, second_talk: Talk) -> None:
    await talk.open()
    waiting = asyncio.create_task(talk.next())
    await second_talk.open()
    with pytest.raises(StreamSuperseded):
        await waiting


async def test_what_is_written_from_elsewhere_reaches_the_open_stream(talk: Talk, database: Database) -> None:
    opened = await talk.open()
    await database.run(tell, opened.session_id, 11)
    assert (await talk.next_durable()).summary.block_index == 11


async def test_goodbye_is_answered_with_goodbye(talk: Talk) -> None:
    await talk.open()
    talk.ask(plant_block=PlantBlock(block_index=7))
    talk.say_goodbye()
    assert [response.WhichOneof("message") for response in await talk.rest()][-2:] == ["summary", "goodbye"]


async def test_a_pooler_that_stops_asking_still_hears_the_end(
    talk: Talk, taker: EchoTaker, database: Database
) -> None:
    opened = await talk.open()
    taker.pending_session = opened.session_id
    talk.stop_asking()
    rest = asyncio.create_task(talk.rest())
    await database.run(tell, opened.session_id, 11)
    await database.run(tell, opened.session_id, 12)
    assert [response.summary.block_index for response in await rest] == [11, 12]


async def test_draining_says_goodbye_and_ends(
    talk: Talk, streams: SessionStreams[PlantRequest, PlantResponse]
) -> None:
    await talk.open()
    draining = asyncio.create_task(streams.drain())
    (goodbye,) = await talk.rest()
    await draining
    assert goodbye.goodbye.reason == Reason.REASON_SHUTTING_DOWN


@pytest.mark.parametrize("session_id", ["4f9de1b9-93a5-4e5a-9d54-5f8e1a9e3c11"])
async def test_an_unknown_session_is_refused(talk: Talk, session_id: str) -> None:
    with pytest.raises(StreamSessionUnknown, match="session_id"):
        await talk.open(session_id)


async def test_a_session_id_that_is_no_uuid_is_refused(talk: Talk) -> None:
    with pytest.raises(InvalidField, match=r"open\.session_id"):
        await talk.open("current")


async def test_a_sequence_that_was_never_told_can_not_have_been_seen(talk: Talk) -> None:
    with pytest.raises(InvalidField, match=r"open\.last_sequence_seen"):
        await talk.open(last_sequence_seen=5)
