"""When the bench may close the next ledger: what Backend and Pooler say of themselves, put together."""

from collections.abc import Callable

import pytest

from kalepool.v1 import backend_pb2, pooler_pb2, types_pb2
from kalepool_bench.pool.rest import Look

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
