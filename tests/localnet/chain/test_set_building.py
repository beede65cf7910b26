"""Whatever is offered, however small the ledger: no limit is exceeded, and nobody pays more than he bid."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from localnet.chain.transaction_set import build_transaction_set
from localnet.network_settings import MAINNET_SETTINGS, NetworkSettings
from localnet.transactions.bids import RATE_UNIT, Bid, bid_of, exceeds, ledger_capacity, total_demand
from localnet.transactions.envelopes import Envelope
from tests.localnet.chain.test_transaction_set import call

KEYS = ("u", "v", "w", "x", "y", "z")
NETWORK_LIMITS = MAINNET_SETTINGS.ledger


def prepared_calls() -> list[Envelope]:
    """Calls of many sizes and prices; every third writes a key that others touch."""
    return [
        call(
            f"caller {number}",
            100 + 37 * number % 400,
            instructions=1 + 13 * number % 50,
            write_bytes=7 * number % 30,
            reads=[KEYS[number % 6]],
            writes=[KEYS[(number + 1) % 6]] if number % 3 == 0 else [],
        )
        for number in range(40)
    ]


CALLS = [bid_of(envelope) for envelope in prepared_calls()]


@st.composite
def networks(draw: st.DrawFn) -> NetworkSettings:
    limits = replace(
        NETWORK_LIMITS,
        soroban_transactions=draw(st.integers(1, 45)),
        cluster_instructions=draw(st.integers(20, 1_000)),
        clusters=draw(st.integers(1, 4)),
        write_bytes=draw(st.integers(0, 600)),
        write_entries=draw(st.integers(0, 20)),
    )
    return replace(MAINNET_SETTINGS, ledger=limits)


def strangers(count: int, network: NetworkSettings) -> list[Bid]:
    capacity = ledger_capacity(network.ledger, soroban=True)
    demand = tuple(limit // 10 for limit in capacity)
    return [Bid((100 + 31 * number % 300) * RATE_UNIT, demand, bytes([number])) for number in range(count)]


@settings(max_examples=60)
@given(st.sets(st.integers(0, 39)), st.integers(0, 20), networks())
def test_a_set_keeps_the_limits_and_its_price_is_fair(
    chosen: set[int], crowd: int, network: NetworkSettings
) -> None:
    offered = [CALLS[number] for number in sorted(chosen)]
    capacity = ledger_capacity(network.ledger, soroban=True)
    built = build_transaction_set([], [*offered, *strangers(crowd, network)], network, b"")
    included = [bid for bid in offered if bid.envelope in built.envelopes]
    assert len(included) == len(built.envelopes)
    assert not exceeds(total_demand(included, len(capacity)), capacity)
    price = built.inclusion.soroban_base_fee_stroops
    assert price >= network.base_fee_stroops
    assert all(price <= bid.rate_stroops for bid in included)
    if len(included) == len(offered) and not crowd:
        assert price == network.base_fee_stroops


@settings(max_examples=60)
@given(st.sets(st.integers(0, 39)), networks())
def test_conflicting_calls_never_run_side_by_side(chosen: set[int], network: NetworkSettings) -> None:
    built = build_transaction_set([], [CALLS[number] for number in chosen], network, b"")
    sizes = built.inclusion.soroban_clusters
    assert len(sizes) <= network.ledger.clusters
    ends = [sum(sizes[:count]) for count in range(len(sizes) + 1)]
    clusters = [built.envelopes[start:end] for start, end in pairwise(ends)]
    writers: dict[bytes, int] = {}
    for position, cluster in enumerate(clusters):
        assert sum(instructions_of(envelope) for envelope in cluster) <= network.ledger.cluster_instructions
        for envelope in cluster:
            for key in envelope.footprint.read_write:
                assert writers.setdefault(key, position) == position
    for position, cluster in enumerate(clusters):
        for envelope in cluster:
            for key in envelope.footprint.read_only:
                assert writers.get(key, position) == position


def instructions_of(envelope: Envelope) -> int:
    assert envelope.soroban_data is not None
    return envelope.soroban_data.instructions
