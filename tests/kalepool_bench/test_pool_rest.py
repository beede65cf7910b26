"""When the bench may close the next ledger: what Backend and Pooler say of themselves, put together."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import grpc.aio
import pytest

from kalepool.v1 import backend_pb2, backend_pb2_grpc, pooler_pb2, pooler_pb2_grpc, types_pb2
from kalepool_bench.pool.rest import Look, NoRest, Services
from poolkit.grpc_client import open_channel

LEDGER, LEAST_ZEROS = 77, 3

Change = Callable[[backend_pb2.GetHealthResponse, pooler_pb2.StatusView], None]


def searching(zeros: int, hashes: int) -> pooler_pb2.WorkInProgress:
    progress = pooler_pb2.WORK_PROGRESS_HASHING
    return pooler_pb2.WorkInProgress(farmer_id="f", zeros=zeros, hashes=hashes, progress=progress)


def look(change: Change = lambda backend, pooler: None) -> Look:
    """Both at rest in the ledger, with transactions in flight and a search that has found enough."""
    activity = backend_pb2.BackendActivity(
        transactions_in_flight=5,
        plants_pending=5,
        harvests_pending=3,
        rpc_calls_total=900,
        responses_total=40,
    )
    backend = backend_pb2.GetHealthResponse(
        chain=backend_pb2.ChainHealth(latest_ledger=LEDGER), activity=activity
    )
    pooler = pooler_pb2.StatusView(
        latest_ledger=LEDGER,
        current_block=pooler_pb2.BlockView(block=types_pb2.Block(index=9), ledger=LEDGER),
        backend_link=pooler_pb2.BackendLink(connected=True, requests_total=12, responses_total=40),
        work_in_progress=[
            searching(zeros=3, hashes=5_000),
            pooler_pb2.WorkInProgress(progress=pooler_pb2.WORK_PROGRESS_SUBMITTED),
        ],
    )
    change(backend, pooler)
    return Look(backend, pooler)


def test_a_pool_that_only_waits_for_the_next_ledger_has_nothing_left_to_do() -> None:
    assert look().what_is_left(LEDGER, LEAST_ZEROS) == []
    assert look().counts == (900, 40, 12)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda b, p: setattr(b.chain, "latest_ledger", 76), "the Backend has seen ledger 76"),
        (lambda b, p: b.ClearField("activity"), "the Backend's database does not answer"),
        (lambda b, p: setattr(b.activity, "queries_running", 2), "2 queries run"),
        (lambda b, p: setattr(b.activity, "rpc_calls_running", 4), "4 RPC calls of the Backend run"),
        (lambda b, p: setattr(p, "latest_ledger", 75), "the Pooler has seen ledger 75"),
        (lambda b, p: setattr(p.current_block, "ledger", 76), "the Pooler has seen ledger 76"),
        (lambda b, p: setattr(p, "parts_behind", 1), "1 parts of the Pooler are behind"),
        (lambda b, p: setattr(p.backend_link, "connected", False), "the Pooler has lost the Backend"),
        (lambda b, p: setattr(p.backend_link, "unacknowledged", 6), "6 requests are not acknowledged"),
        (
            lambda b, p: setattr(p.backend_link, "responses_total", 39),
            "the Pooler has digested 39 of 40 responses",
        ),
        (lambda b, p: setattr(p.work_in_progress[0], "zeros", 2), "1 searches have too few zeros"),
        (lambda b, p: setattr(p.work_in_progress[0], "hashes", 0), "1 searches have too few zeros"),
    ],
)
def test_what_is_left_to_do_is_named(change: Change, said: str) -> None:
    assert said in look(change).what_is_left(LEDGER, LEAST_ZEROS)


def test_without_least_zeros_a_search_still_needs_its_first_nonce() -> None:
    def unsearched(backend: backend_pb2.GetHealthResponse, pooler: pooler_pb2.StatusView) -> None:
        pooler.work_in_progress.append(searching(zeros=0, hashes=0))

    assert look(unsearched).what_is_left(LEDGER, 0) == ["1 searches have too few zeros"]
    assert look().what_is_left(LEDGER - 1, 0) == []


class ScriptedBackend(backend_pb2_grpc.BackendServiceServicer):
    """Says of itself what it has in each of the looks, in their order; the last is true for ever."""

    def __init__(self, looks: Sequence[Look]) -> None:
        self._looks = looks
        self.asked = 0
        self.answers = True

    async def GetHealth(  # noqa: N802
        self, request: backend_pb2.GetHealthRequest, context: object
    ) -> backend_pb2.GetHealthResponse:
        self.asked += 1
        if not self.answers:
            await asyncio.Event().wait()
        return self._looks[min(self.asked, len(self._looks)) - 1].backend


class ScriptedPooler(pooler_pb2_grpc.PoolerServiceServicer):
    """The same."""

    def __init__(self, looks: Sequence[Look]) -> None:
        self._looks = looks
        self.asked = 0

    async def GetStatus(  # noqa: N802
        self, request: pooler_pb2.GetStatusRequest, context: object
    ) -> pooler_pb2.GetStatusResponse:
        self.asked += 1
        return pooler_pb2.GetStatusResponse(view=self._looks[min(self.asked, len(self._looks)) - 1].pooler)


@asynccontextmanager
async def scripted(
    *looks: Look, patience_wall_seconds: float = 60.0
) -> AsyncIterator[tuple[Services, ScriptedBackend, ScriptedPooler]]:
    server = grpc.aio.server()
    backend = ScriptedBackend(looks)  # type: ignore[abstract]
    pooler = ScriptedPooler(looks)  # type: ignore[abstract]
    backend_pb2_grpc.add_BackendServiceServicer_to_server(backend, server)
    pooler_pb2_grpc.add_PoolerServiceServicer_to_server(pooler, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with open_channel(f"127.0.0.1:{port}") as channel:
            yield (
                Services(
                    backend_pb2_grpc.BackendServiceStub(channel),
                    pooler_pb2_grpc.PoolerServiceStub(channel),
                    LEAST_ZEROS,
                    patience_wall_seconds=patience_wall_seconds,
                ),
                backend,
                pooler,
            )
    finally:
        await server.stop(None)


def busy(backend: backend_pb2.GetHealthResponse, pooler: pooler_pb2.StatusView) -> None:
    backend.activity.queries_running = 2


def one_call_more(backend: backend_pb2.GetHealthResponse, pooler: pooler_pb2.StatusView) -> None:
    backend.activity.rpc_calls_total += 1


def one_request_more(backend: backend_pb2.GetHealthResponse, pooler: pooler_pb2.StatusView) -> None:
    pooler.backend_link.requests_total += 1


@pytest.mark.parametrize(
    ("looks", "needed"),
    [
        ([look()], 2),
        ([look(busy), look()], 3),
        ([look(), look(busy), look()], 4),
        ([look(), look(one_call_more)], 3),
        ([look(), look(one_request_more)], 3),
    ],
    ids=["at once", "busy first", "busy in between", "a call in between", "a request in between"],
)
async def test_rest_is_two_looks_in_a_row_with_nothing_done_in_between(
    looks: Sequence[Look], needed: int
) -> None:
    async with scripted(*looks) as (services, backend, pooler):
        assert (await services.rest(LEDGER)).counts == looks[-1].counts
        assert (backend.asked, pooler.asked) == (needed, needed)


async def test_who_never_rests_is_given_up_and_what_was_left_is_told() -> None:
    async with scripted(look(busy), patience_wall_seconds=0.1) as (services, _, _):
        with pytest.raises(NoRest, match=r"no rest in ledger 77 after 0\.1 s: 2 queries run"):
            await services.rest(LEDGER)


async def test_a_service_that_does_not_answer_is_not_waited_for_any_longer() -> None:
    async with scripted(look(), patience_wall_seconds=0.1) as (services, backend, _):
        backend.answers = False
        async with asyncio.timeout(60):
            with pytest.raises(NoRest, match="Backend or Pooler does not answer"):
                await services.rest(LEDGER)
