"""Pre-flight checks: in order, a line each, the first failure says what to do."""

import socket
from collections.abc import Callable
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from kale.farm import Block, Farm
from kale.networks import LOCAL, TESTNET
from poolkit.errors import NotFound, RpcUnavailable
from poolkit.farm_reader import FarmView
from poolkit.preflight import (
    Check,
    CheckFailed,
    chain_advances_check,
    farm_check,
    free_port_check,
    network_check,
    run_preflight,
)
from poolkit.rpc_answers import LedgerHead, NetworkInfo
from poolkit.startup_error import StartupError
from tests.poolkit.fakes import InstantWallClock

BLOCK = Block(bytes(32), 0, 0, 0, 0, 0, 0, 0, 0, 1_700_000_000)
FARM = Farm(LOCAL.asset_issuer, LOCAL.asset_contract_id, 7, BLOCK, paused=False)
NO_ANSWER = 0


class Node:
    """A node that answers what a test says."""

    def __init__(
        self,
        ledgers: list[int],
        passphrase: str = LOCAL.passphrase,
        farm: Farm | None = FARM,
        *,
        silent: int = 0,
    ) -> None:
        """`silent`: how often it does not answer before it tells network or farm."""
        self._silent = silent
        self._ledgers = ledgers
        self._passphrase = passphrase
        self._farm = farm

    async def latest_ledger(self) -> LedgerHead:
        if not self._ledgers:
            raise RpcUnavailable("no Stellar RPC endpoint answered")
        sequence = self._ledgers.pop(0) if len(self._ledgers) > 1 else self._ledgers[0]
        if sequence == NO_ANSWER:
            raise RpcUnavailable("no Stellar RPC endpoint answered")
        return LedgerHead(sequence, 1_700_000_000 + sequence)

    def _answer(self) -> None:
        if self._silent > 0:
            self._silent -= 1
            raise RpcUnavailable("no Stellar RPC endpoint answered")

    async def network(self) -> NetworkInfo:
        self._answer()
        return NetworkInfo(self._passphrase, 29, None)

    async def farm(self) -> FarmView:
        self._answer()
        if self._farm is None:
            raise NotFound("there is no farm contract")
        return FarmView(self._farm, 9)


async def found() -> str:
    return "all well"


async def wrong() -> str:
    raise CheckFailed("the disk is full", "make room")


async def unavailable() -> str:
    raise RpcUnavailable("no node answers")


async def test_checks_run_in_order_and_say_what_they_found() -> None:
    with capture_logs() as lines:
        await run_preflight([Check("first", found), Check("second", found)])
    assert [(line["event"], line["found"]) for line in lines] == [
        ("pre-flight first: ok", "all well"),
        ("pre-flight second: ok", "all well"),
    ]


async def test_the_first_failure_ends_it_with_problem_and_remedy() -> None:
    ran: list[str] = []

    async def later() -> str:
        ran.append("later")
        return ""

    with pytest.raises(StartupError, match="pre-flight check 'disk' failed: the disk is full; make room"):
        await run_preflight([Check("disk", wrong), Check("later", later)])
    assert ran == []


async def test_a_refusal_gets_the_checks_remedy() -> None:
    with pytest.raises(StartupError, match="'rpc' failed: no node answers; start it"):
        await run_preflight([Check("rpc", unavailable, "start it")])


async def test_the_chain_advances() -> None:
    check = chain_advances_check(Node([5, 5, 6]), wall_clock=InstantWallClock())
    assert await check.run() == "ledger 6, closed at 1700000006"


async def test_a_chain_that_stands_still_is_named() -> None:
    clock = InstantWallClock()
    check = chain_advances_check(Node([5]), wall_seconds=20, wall_clock=clock)
    with pytest.raises(CheckFailed, match="ledger 5 is still the latest after 20 s"):
        await check.run()


async def test_an_unreachable_chain_is_named() -> None:
    with pytest.raises(StartupError, match=r"'chain advances' failed: no Stellar RPC .*; check RPC_URL"):
        await run_preflight([chain_advances_check(Node([]), wall_clock=InstantWallClock())])


async def test_a_node_that_fails_now_and_then_still_shows_that_the_chain_advances() -> None:
    check = chain_advances_check(Node([NO_ANSWER, 5, NO_ANSWER, 6]), wall_clock=InstantWallClock())
    assert await check.run() == "ledger 6, closed at 1700000006"


async def test_a_node_that_fails_now_and_then_still_tells_its_network_and_its_farm() -> None:
    clock = InstantWallClock()
    assert await network_check(Node([5], silent=2), LOCAL, wall_clock=clock).run() == "local, protocol 29"
    assert await farm_check(Node([5], silent=2), LOCAL, wall_clock=clock).run() == "block 7"


@pytest.mark.parametrize("check", [network_check, farm_check])
async def test_a_node_that_does_not_answer_in_time_is_given_up(
    check: Callable[..., Check],
) -> None:
    clock = InstantWallClock()
    started = clock.monotonic()
    with pytest.raises(StartupError, match="failed: no Stellar RPC endpoint answered; check "):
        await run_preflight([check(Node([5], silent=10**9), LOCAL, wall_seconds=5.0, wall_clock=clock)])
    assert 5.0 <= clock.monotonic() - started < 6.0


async def test_the_network_must_be_the_one_of_the_settings() -> None:
    assert await network_check(Node([5]), LOCAL).run() == "local, protocol 29"
    with pytest.raises(
        CheckFailed, match="follows 'Test SDF Network ; September 2015', the settings say 'KALE"
    ):
        await network_check(Node([5], TESTNET.passphrase), LOCAL).run()


async def test_the_farm_must_be_there_and_pay_our_asset() -> None:
    assert await farm_check(Node([5]), LOCAL).run() == "block 7"
    assert await farm_check(Node([5], farm=replace(FARM, paused=True)), LOCAL).run() == (
        "block 7, planting is paused"
    )
    with pytest.raises(CheckFailed, match="the farm pays asset contract"):
        await farm_check(Node([5]), TESTNET).run()
    with pytest.raises(StartupError, match="there is no farm contract; check KALE_CONTRACT_ID"):
        await run_preflight([farm_check(Node([5], farm=None), LOCAL)])


async def test_a_taken_port_is_named_with_its_setting() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        port = listener.getsockname()[1]
        check = free_port_check("port", "127.0.0.1", port, setting="BACKEND_PORT")
        with pytest.raises(CheckFailed, match=f"can not listen on 127.0.0.1:{port} .*another BACKEND_PORT"):
            await check.run()
    assert await check.run() == f"127.0.0.1:{port}"
