"""How the chain client lives with endpoints that fail: failover, deadlines, breakers."""

import asyncio

import pytest

from poolkit.breaker import BreakerState
from poolkit.errors import RpcUnavailable
from poolkit.rpc_endpoints import RpcRefused, endpoint_name
from poolkit.stellar_rpc import StellarRpc
from tests.poolkit import rpc_server
from tests.poolkit.fakes import InstantWallClock
from tests.poolkit.rpc_server import Answer, ScriptedRpcServer, health

BROKEN: list[Answer] = [
    rpc_server.http_status(503),
    rpc_server.http_status(429),
    rpc_server.garbage(),
    rpc_server.garbage("[1, 2]"),
    rpc_server.garbage('{"jsonrpc": "2.0", "id": "somebody else\'s", "result": {}}'),
    rpc_server.garbage("\xff" * 10),
    rpc_server.hang_up,
    rpc_server.hang_up_in_the_middle,
    rpc_server.refusal(-32603, "latency (31s) since last known ledger closed is too high (>30s)"),
    rpc_server.refusal(-32098, "rpc queue for getHealth surpassed queue limit of 10 requests"),
    rpc_server.result({"latestLedger": "not a number"}),
    rpc_server.result({"status": "healthy"}),
]


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_broken_node_is_passed_over_for_the_next(
    broken: Answer, server: ScriptedRpcServer, second: ScriptedRpcServer, clock: InstantWallClock
) -> None:
    server.answer("getHealth", broken)
    async with StellarRpc([server.url, second.url], wall_clock=clock) as rpc:
        assert (await rpc.latest_ledger()).sequence == 50
        first, other = rpc.endpoints()
        assert first.last_error is not None
        assert first.last_error.startswith("getHealth: ")
        assert (other.last_error, other.latest_ledger) == (None, 50)


@pytest.mark.parametrize("broken", BROKEN)
async def test_without_another_node_it_is_unavailable(
    broken: Answer, server: ScriptedRpcServer, rpc: StellarRpc
) -> None:
    server.answer("getHealth", broken)
    with pytest.raises(
        RpcUnavailable, match="no Stellar RPC endpoint answered getHealth: http://127"
    ) as caught:
        await rpc.health()
    assert "customer-key" not in caught.value.message
    assert len(server.calls) == 3


async def test_an_unreachable_node_is_unavailable(clock: InstantWallClock, kept_port: int) -> None:
    async with StellarRpc([f"http://127.0.0.1:{kept_port}"], wall_clock=clock) as rpc:
        with pytest.raises(RpcUnavailable, match="connection failed"):
            await rpc.network()


async def test_a_slow_node_is_given_up_at_the_deadline(
    server: ScriptedRpcServer, second: ScriptedRpcServer
) -> None:
    release = asyncio.Event()
    server.answer("getHealth", rpc_server.never(release))
    async with StellarRpc([server.url, second.url], call_wall_seconds=1.0) as rpc:
        assert (await rpc.latest_ledger()).sequence == 50
        assert rpc.endpoints()[0].last_error == "getHealth: no answer within 1 s"
    release.set()


async def test_a_refused_request_is_not_tried_elsewhere(
    server: ScriptedRpcServer, second: ScriptedRpcServer, clock: InstantWallClock
) -> None:
    server.answer(
        "getEvents", rpc_server.refusal(-32600, "startLedger must be within the ledger range: 5 - 90")
    )
    async with StellarRpc([server.url, second.url], wall_clock=clock) as rpc:
        with pytest.raises(RpcRefused, match="within the ledger range: 5 - 90") as caught:
            await rpc.events(start_ledger=1)
        assert (caught.value.method, caught.value.rpc_code) == ("getEvents", -32600)
        assert rpc.endpoints()[0].breaker is BreakerState.CLOSED
    assert (len(server.calls), second.calls) == (1, [])


async def test_a_node_that_keeps_failing_is_left_alone_and_probed_later(
    server: ScriptedRpcServer, clock: InstantWallClock
) -> None:
    server.answer("getHealth", rpc_server.http_status(503))
    async with StellarRpc([server.url], wall_clock=clock) as rpc:
        for _ in range(5):
            with pytest.raises(RpcUnavailable):
                await rpc.latest_ledger()
        with pytest.raises(RpcUnavailable, match="left alone for a moment") as caught:
            await rpc.latest_ledger()
        assert caught.value.retry_after == pytest.approx(0.5)
        assert len(server.calls) == 5
        server.answer("getHealth", health(51))
        clock.advance(0.5)
        assert (await rpc.latest_ledger()).sequence == 51
        assert rpc.endpoints()[0].breaker is BreakerState.CLOSED


async def test_a_lagging_node_is_asked_last(
    server: ScriptedRpcServer, second: ScriptedRpcServer, clock: InstantWallClock
) -> None:
    server.answer("getHealth", health(40))
    second.answer("getNetwork", {"passphrase": "second", "protocolVersion": 29, "latestLedger": 50})
    server.answer("getNetwork", rpc_server.http_status(503))
    async with StellarRpc([server.url, second.url], wall_clock=clock) as rpc:
        assert (await rpc.latest_ledger()).sequence == 40
        await rpc.network()
        assert (await rpc.latest_ledger()).sequence == 50
        assert [status.lag_ledgers for status in rpc.endpoints()] == [10, 0]


async def test_every_failed_call_is_told_at_once_also_one_that_another_round_mends(
    server: ScriptedRpcServer, rpc: StellarRpc
) -> None:
    told: list[tuple[str, int]] = []
    rpc.on_failure(lambda text: told.append((text, len(server.calls))))
    answers: list[Answer] = [
        rpc_server.http_status(503),
        rpc_server.result({"passphrase": "p", "protocolVersion": 29}),
    ]
    server.answer("getNetwork", lambda request, body: answers.pop(0)(request, body))
    await rpc.network()
    name = rpc.endpoints()[0].name
    assert told == [(f"{name} did not answer getNetwork: HTTP status 503", 1)]
    assert rpc.endpoints()[0].last_error is None


async def test_an_endpoint_shows_the_close_time_of_its_latest_ledger_and_the_age_of_its_last_answer(
    server: ScriptedRpcServer, rpc: StellarRpc, clock: InstantWallClock
) -> None:
    (unheard,) = rpc.endpoints()
    assert (unheard.latest_close_time, unheard.answer_age_wall_seconds) == (None, None)
    server.answer("getHealth", health(40, 1_700_000_040))
    await rpc.latest_ledger()
    clock.advance(3.0)
    (heard,) = rpc.endpoints()
    assert (heard.latest_ledger, heard.latest_close_time) == (40, 1_700_000_040)
    assert heard.answer_age_wall_seconds == 3.0
    server.answer("getNetwork", {"passphrase": "p", "protocolVersion": 29, "latestLedger": 41})
    await rpc.network()
    (newer,) = rpc.endpoints()
    assert (newer.latest_ledger, newer.latest_close_time) == (41, None), "not another ledger's close time"


async def test_a_cancelled_call_leaves_the_client_usable(server: ScriptedRpcServer, rpc: StellarRpc) -> None:
    release = asyncio.Event()
    server.answer("getHealth", rpc_server.never(release))
    call = asyncio.ensure_future(rpc.latest_ledger())
    while not server.calls:
        await asyncio.sleep(0.001)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    release.set()
    server.answer("getHealth", health(52))
    assert (await rpc.latest_ledger()).sequence == 52


def test_without_an_address_there_is_no_client() -> None:
    with pytest.raises(ValueError, match="RPC_URL"):
        StellarRpc([])


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://rpc.example/v1/SECRET?key=SECRET", "https://rpc.example"),
        ("https://user:SECRET@rpc.example:8443/", "https://rpc.example:8443"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ],
)
def test_the_name_of_an_endpoint_holds_no_credentials(url: str, name: str) -> None:
    assert endpoint_name(url) == name
