"""Strangers: how much of a ledger they take, what that costs the others, and that chance can be repeated."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from random import Random

import pytest
from stellar_sdk import Asset, Keypair, TransactionEnvelope
from stellar_sdk.soroban_server_async import SorobanServerAsync

from localnet.chain.background_load import BackgroundLoad
from localnet.chain.closed_ledger import ClosedLedger
from localnet.genesis import FAUCET, FRIENDBOT_MINIONS
from localnet.network_settings import MAINNET_SETTINGS
from localnet.testing import NodeHandle, running_localnet
from localnet.transactions.bids import ledger_capacity
from localnet.transactions.queue import SendStatus
from tests.localnet.conftest import START_TIME
from tests.localnet.play import Play, signed

CAPACITY = ledger_capacity(MAINNET_SETTINGS.ledger, soroban=True)
ADA, BOB = FRIENDBOT_MINIONS[:2]


def payment(play: Play, source: Keypair, fee: int, operations: int = 1) -> TransactionEnvelope:
    builder = play.builder(source, fee)
    for _ in range(operations):
        builder.append_payment_op(FAUCET.public_key, Asset.native(), "0.0000001")
    return signed(builder, source)


def loaded(classic: float = 0.0, soroban: float = 0.0, seed: int = 0, **bids: float) -> Play:
    play = Play()
    play.chain.seed = seed
    load = BackgroundLoad(classic, soroban)
    play.chain.background_load = replace(load, **bids)  # type: ignore[arg-type]
    return play


@pytest.mark.parametrize("share", [0.25, 0.6, 1.0, 2.5])
def test_strangers_ask_for_their_share_of_every_limit(share: float) -> None:
    bids = BackgroundLoad(soroban=share).bids(CAPACITY, 100, Random(1), soroban=True)
    asked = [sum(amounts) for amounts in zip(*(bid.demand for bid in bids), strict=True)]
    assert asked == [int(limit * share) for limit in CAPACITY]
    assert all(bid.rate_stroops >= 100 for bid in bids)


def test_half_of_the_bids_are_above_the_median() -> None:
    load = BackgroundLoad(soroban=10, median_bid_stroops=5_000, bid_spread=0.5)
    rates = sorted(bid.rate_stroops for bid in load.bids(CAPACITY, 100, Random(1), soroban=True))
    assert 4_500 < rates[500] < 5_500
    same = BackgroundLoad(soroban=0.1, median_bid_stroops=5_000, bid_spread=0)
    assert {bid.rate_stroops for bid in same.bids(CAPACITY, 100, Random(1), soroban=True)} == {5_000}


def test_without_load_there_is_nobody() -> None:
    assert BackgroundLoad().bids(CAPACITY, 100, Random(1), soroban=True) == []
    inclusion = Play().chain.close_ledger().inclusion
    assert (inclusion.classic_strangers, inclusion.soroban_strangers) == (0, 0)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: BackgroundLoad(classic=-0.1), "classic is -0.1, must be between 0 and 10"),
        (lambda: BackgroundLoad(soroban=10.5), "soroban is 10.5, must be between 0 and 10"),
        (lambda: BackgroundLoad(soroban=float("nan")), "soroban is nan, must be between 0 and 10"),
        (
            lambda: BackgroundLoad(median_bid_stroops=0),
            "median_bid_stroops is 0, must be between 1 and 4294967296",
        ),
        (lambda: BackgroundLoad(bid_spread=11), "bid_spread is 11, must be between 0 and 10"),
    ],
)
def test_what_cannot_be_is_refused_by_name(make: Callable[[], BackgroundLoad], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()


def test_a_ledger_with_room_costs_the_base_fee() -> None:
    play = loaded(classic=0.6)
    applied = play.apply(payment(play, ADA, 5_000))
    assert applied.transaction.fee_charged_stroops == 100
    assert play.chain.latest.inclusion.classic_strangers == 600
    assert play.chain.latest.inclusion.soroban_strangers == 0


def test_in_a_full_one_a_good_bid_comes_in_at_the_surge_price_and_a_cheap_one_waits_and_is_dropped() -> None:
    play = loaded(classic=1.5)
    cheap = payment(play, BOB, 100)
    assert play.send(cheap).status is SendStatus.PENDING, "the queue takes two ledgers"
    rich = play.apply(payment(play, ADA, 1_000_000))
    base_fee = play.chain.latest.inclusion.classic_base_fee_stroops
    assert rich.transaction.fee_charged_stroops == base_fee > 100
    for _ in range(3):
        assert play.chain.history.find_transaction(cheap.hash()) is None
        play.chain.close_ledger()
    assert play.send(cheap).status is SendStatus.TRY_AGAIN_LATER


def test_when_the_queue_is_full_of_strangers_the_fee_needed_is_told() -> None:
    play = loaded(classic=3, bid_spread=0, median_bid_stroops=400)
    refused = play.send(payment(play, ADA, 400))
    assert refused.result is not None
    assert refused.result.fee_charged_stroops == 401
    assert play.send(payment(play, ADA, 401)).status is SendStatus.PENDING


def test_a_load_changes_while_the_chain_runs() -> None:
    play = loaded(classic=3, bid_spread=0)
    assert play.send(payment(play, ADA, 100)).status is SendStatus.ERROR
    play.chain.background_load = BackgroundLoad()
    assert play.send(payment(play, BOB, 100)).status is SendStatus.PENDING
    assert play.chain.close_ledger().inclusion.classic_strangers == 0
    play.chain.background_load = BackgroundLoad(soroban=0.1)
    assert play.chain.close_ledger().inclusion.soroban_strangers == 100


def test_the_seed_decides_who_comes() -> None:
    def prices(seed: int) -> list[int]:
        play = loaded(classic=2, soroban=2, seed=seed)
        ledgers: list[ClosedLedger] = [play.chain.close_ledger() for _ in range(5)]
        return [ledger.inclusion.classic_base_fee_stroops for ledger in ledgers]

    assert prices(1) == prices(1)
    assert len(set(prices(1))) > 1
    assert prices(1) != prices(2)


def test_the_seed_decides_the_order_of_application() -> None:
    def order(seed: int) -> list[bytes]:
        play = loaded(seed=seed)
        for source in FRIENDBOT_MINIONS[:8]:
            play.send(payment(play, source, 100))
        return [transaction.hash for transaction in play.chain.close_ledger().transactions]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert sorted(order(1)) == sorted(order(2))


def test_strangers_leave_no_gap_for_a_cheap_one() -> None:
    """They are a hundredth of a ledger each, but the last one comes in as far as there is room."""
    play = loaded(soroban=2, classic=2, bid_spread=0)
    play.apply(payment(play, ADA, 1_000_000, operations=3))
    inclusion = play.chain.latest.inclusion
    assert inclusion.classic_strangers == 997
    assert 990 < inclusion.soroban_strangers <= 1_000
    assert inclusion.soroban_base_fee_stroops == 200


@pytest.fixture
async def busy_node() -> AsyncIterator[NodeHandle]:
    load = BackgroundLoad(classic=2, soroban=0.5, bid_spread=0, median_bid_stroops=700)
    async with running_localnet(runs_clock=False, start_time=START_TIME, background_load=load) as handle:
        yield handle


async def test_fee_statistics_count_the_strangers(busy_node: NodeHandle) -> None:
    busy_node.close_ledgers(3)
    async with SorobanServerAsync(busy_node.rpc_url) as rpc:
        stats = await rpc.get_fee_stats()
    assert (stats.inclusion_fee.transaction_count, stats.inclusion_fee.p50) == (3_000, 700)
    assert (stats.soroban_inclusion_fee.transaction_count, stats.soroban_inclusion_fee.max) == (1_500, 100)
    assert (stats.inclusion_fee.ledger_count, stats.soroban_inclusion_fee.ledger_count) == (4, 4)
