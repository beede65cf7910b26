"""Who comes into a ledger, at what price, in which cluster and in what order."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256

import pytest
from stellar_sdk import Account, Asset, Keypair, TransactionBuilder, xdr

from kale.networks import LOCAL
from kale.storage import account_key
from localnet.chain.clusters import ClusterPacker
from localnet.chain.transaction_set import TransactionSet, build_transaction_set
from localnet.network_settings import MAINNET_SETTINGS, NetworkSettings
from localnet.transactions.bids import Bid, bid_of
from localnet.transactions.envelopes import Envelope, decode_envelope

NETWORK_ID = sha256(LOCAL.passphrase.encode()).digest()
SALT = b"salt"
BASE_FEE = 100


def keypair(name: str) -> Keypair:
    return Keypair.from_raw_ed25519_seed(sha256(name.encode()).digest())


def payment(name: str, bid_stroops: int = BASE_FEE, operations: int = 1) -> Envelope:
    """A classic transaction that bids that much for all its operations."""
    builder = builder_of(name)
    for _ in range(operations):
        builder.append_payment_op(keypair(name).public_key, Asset.native(), "1")
    built = builder.build()
    built.transaction.fee = bid_stroops
    return decode_envelope(built.to_xdr_object().to_xdr_bytes(), NETWORK_ID)


def call(
    name: str,
    bid_stroops: int = BASE_FEE,
    *,
    instructions: int = 1_000,
    write_bytes: int = 0,
    reads: Sequence[str] = (),
    writes: Sequence[str] = (),
) -> Envelope:
    """A contract call with declared resources; keys are named."""
    builder = builder_of(name)
    builder.append_invoke_contract_function_op(LOCAL.farm_contract_id, "plant", [])
    footprint = xdr.LedgerFootprint(
        [account_key(keypair(key).public_key) for key in reads],
        [account_key(keypair(key).public_key) for key in writes],
    )
    resources = xdr.SorobanResources(
        footprint, xdr.Uint32(instructions), xdr.Uint32(0), xdr.Uint32(write_bytes)
    )
    data = xdr.SorobanTransactionData(xdr.SorobanTransactionDataExt(0), resources, xdr.Int64(1_000))
    built = builder.set_soroban_data(data).build()
    built.transaction.fee = bid_stroops + 1_000
    return decode_envelope(built.to_xdr_object().to_xdr_bytes(), NETWORK_ID)


def builder_of(name: str) -> TransactionBuilder:
    return TransactionBuilder(Account(keypair(name).public_key, 1), LOCAL.passphrase).add_time_bounds(0, 0)


def with_limits(**limits: int) -> NetworkSettings:
    return replace(MAINNET_SETTINGS, ledger=replace(MAINNET_SETTINGS.ledger, **limits))


def build(
    *envelopes: Envelope, settings: NetworkSettings = MAINNET_SETTINGS, salt: bytes = SALT
) -> TransactionSet:
    bids = [bid_of(envelope) for envelope in envelopes]
    classic = [bid for bid, envelope in zip(bids, envelopes, strict=True) if not envelope.soroban]
    soroban = [bid for bid, envelope in zip(bids, envelopes, strict=True) if envelope.soroban]
    return build_transaction_set(classic, soroban, settings, salt)


def hashes(envelopes: Iterable[Envelope]) -> set[bytes]:
    return {envelope.hash for envelope in envelopes}


# Prices


def test_all_pay_the_base_fee_when_everything_fits() -> None:
    chosen = build(payment("a", 5_000), payment("b"), call("c", 7_000), call("d"))
    assert len(chosen.envelopes) == 4
    assert chosen.inclusion.classic_base_fee_stroops == BASE_FEE
    assert chosen.inclusion.soroban_base_fee_stroops == BASE_FEE


def test_a_full_lane_costs_its_lowest_rate_and_the_other_one_nothing_more() -> None:
    rich, middle, poor = payment("a", 900), payment("b", 300), payment("c", 200)
    contract = call("d")
    chosen = build(poor, contract, rich, middle, settings=with_limits(classic_operations=2))
    assert hashes(chosen.envelopes) == hashes([rich, middle, contract])
    assert chosen.inclusion.classic_base_fee_stroops == 300
    assert chosen.inclusion.soroban_base_fee_stroops == BASE_FEE


def test_rates_are_stroops_an_operation_rounded_down_in_the_price() -> None:
    three = payment("a", 1_000, operations=3)
    two, one = payment("b", 650, operations=2), payment("c", 324)
    chosen = build(three, two, one, settings=with_limits(classic_operations=5))
    assert hashes(chosen.envelopes) == hashes([three, two])
    assert chosen.inclusion.classic_base_fee_stroops == 325
    chosen = build(three, one, settings=with_limits(classic_operations=3))
    assert chosen.inclusion.classic_base_fee_stroops == 333


def test_what_does_not_fit_is_passed_over_for_cheaper_ones_that_do() -> None:
    first, large, small = payment("a", 500), payment("b", 900, operations=3), payment("c", 200)
    chosen = build(first, large, small, settings=with_limits(classic_operations=3))
    assert hashes(chosen.envelopes) == hashes([first, small])
    assert chosen.inclusion.classic_base_fee_stroops == 200


def test_equal_bids_are_decided_by_the_salt_and_not_by_who_came_first() -> None:
    envelopes = [payment(str(number)) for number in range(6)]
    settings = with_limits(classic_operations=3)

    def included(order: Sequence[Envelope], salt: bytes) -> list[Envelope]:
        return build(*order, settings=settings, salt=salt).envelopes

    assert included(envelopes, SALT) == included(envelopes[::-1], SALT)
    assert len({included(envelopes, bytes([number]))[0].hash for number in range(20)}) > 3


@pytest.mark.parametrize(
    ("limit", "most", "make"),
    [
        ("soroban_transactions", 2, call),
        ("write_bytes", 250, partial(call, write_bytes=100)),
        ("write_entries", 5, partial(call, writes=("x", "y"))),
        ("disk_read_entries", 2, partial(call, reads=("x",))),
        ("cluster_instructions", 1_500, partial(call, instructions=1_000)),
        ("size_bytes", 2 * len(call("a").raw) + 50, call),
    ],
)
def test_a_ledger_takes_so_many_soroban_resources_and_no_more(
    limit: str, most: int, make: Callable[[str, int], Envelope]
) -> None:
    """Three equal calls ask for more than there is; two of them come in, at the second one's bid."""
    calls_by_bid = [make(name, bid) for name, bid in (("a", 300), ("b", 200), ("c", 100))]
    chosen = build(*calls_by_bid, settings=with_limits(**{limit: most}))
    assert hashes(chosen.envelopes) == hashes(calls_by_bid[:2])
    assert chosen.inclusion.soroban_base_fee_stroops == 200


# Order and clusters


def test_classic_transactions_run_before_the_contract_calls() -> None:
    envelopes = [make(str(number)) for number in range(8) for make in (payment, call)]
    kinds = [envelope.soroban for envelope in build(*envelopes).envelopes]
    assert kinds == [False] * 8 + [True] * 8


def test_the_order_of_application_is_the_salts() -> None:
    envelopes = [payment(str(number)) for number in range(6)]
    orders = {tuple(each.hash for each in build(*envelopes, salt=bytes([n])).envelopes) for n in range(10)}
    assert len(orders) > 5
    assert build(*envelopes[::-1]).envelopes == build(*envelopes).envelopes


def clusters_of(chosen: TransactionSet) -> list[set[bytes]]:
    found, start = [], len(chosen.envelopes) - sum(chosen.inclusion.soroban_clusters)
    for size in chosen.inclusion.soroban_clusters:
        found.append({envelope.hash for envelope in chosen.envelopes[start : start + size]})
        start += size
    return found


def test_calls_that_fit_one_after_the_other_are_one_cluster() -> None:
    chosen = build(*(call(str(number), instructions=1_000) for number in range(5)))
    assert chosen.inclusion.soroban_clusters == (5,)


def test_conflicting_calls_share_a_cluster_and_its_instructions() -> None:
    """Who writes what others touch runs with them; what only reads the same does not."""
    writer, reader = call("a", 400, writes=["x"]), call("b", 300, reads=["x"])
    other, last = call("c", 200, reads=["y"]), call("d", 150, reads=["y"])
    chosen = build(writer, reader, other, last, settings=with_limits(cluster_instructions=2_000))
    assert sorted(map(len, clusters_of(chosen))) == [2, 2]
    assert {writer.hash, reader.hash} in clusters_of(chosen)
    assert chosen.inclusion.soroban_base_fee_stroops == BASE_FEE


def test_conflicting_calls_fill_their_cluster_while_the_other_one_stays_empty() -> None:
    conflicting = [call(str(number), 500 - number, writes=["x"]) for number in range(3)]
    chosen = build(*conflicting, settings=with_limits(cluster_instructions=2_000))
    assert clusters_of(chosen) == [{conflicting[0].hash, conflicting[1].hash}]
    assert chosen.inclusion.soroban_base_fee_stroops == 499


def bid(instructions: int, reads: Sequence[str] = (), writes: Sequence[str] = ()) -> Bid:
    name = f"{instructions} {reads} {writes}"
    return bid_of(call(name, instructions=instructions, reads=reads, writes=writes))


def test_groups_that_a_call_connects_run_together() -> None:
    packer = ClusterPacker(clusters=2, cluster_instructions=10)
    apart = bid(4, writes=["x"]), bid(4, writes=["y"])
    assert all(map(packer.try_add, (*apart, bid(4))))
    connecting = bid(2, reads=["x"], writes=["y"])
    assert packer.try_add(connecting)
    assert {frozenset(cluster_bid.tie for cluster_bid in cluster) for cluster in packer.clusters()} == {
        frozenset(each.tie for each in (*apart, connecting)),
        frozenset({bid(4).tie}),
    }
    assert not packer.try_add(bid(1, reads=["y"]))
    assert packer.try_add(bid(6, reads=["z"]))


def test_what_fits_only_in_another_arrangement_is_packed_anew() -> None:
    packer = ClusterPacker(clusters=2, cluster_instructions=10)
    assert all(packer.try_add(bid(size, reads=[str(size)])) for size in (4, 3, 5, 7))
    assert sorted(sum(each.demand[1] for each in cluster) for cluster in packer.clusters()) == [9, 10]
    assert not packer.try_add(bid(2))
    assert packer.try_add(bid(1))


def test_equal_calls_are_packed_alike_every_time() -> None:
    """Two of four instructions: either could join the one of six that comes last."""
    sizes = (4, 4, 3, 3, 6)
    bids = [bid(size, reads=[str(position)]) for position, size in enumerate(sizes)]

    def packed() -> list[list[bytes]]:
        packer = ClusterPacker(clusters=2, cluster_instructions=10)
        assert all(map(packer.try_add, bids))
        return [[each.tie for each in cluster] for cluster in packer.clusters()]

    first = packed()
    kept = [packed() for _ in range(50)]
    assert all(again == first for again in kept)


def test_readers_of_one_key_do_not_conflict_until_somebody_writes_it() -> None:
    packer = ClusterPacker(clusters=2, cluster_instructions=6)
    assert all(packer.try_add(bid(size, reads=["x"])) for size in (1, 2, 3))
    assert not packer.try_add(bid(4, writes=["x"]))
    assert packer.try_add(bid(0, writes=["x"]))
    assert [len(cluster) for cluster in packer.clusters()] == [4]


def test_a_ledger_without_bids_costs_the_base_fee() -> None:
    chosen = build_transaction_set([], [], MAINNET_SETTINGS, SALT)
    assert chosen.envelopes == []
    assert chosen.inclusion.soroban_clusters == ()


def test_the_footprint_of_a_call_is_what_its_conflicts_are_found_by() -> None:
    footprint = call("a", reads=["x"], writes=["y"]).footprint
    assert footprint.read_only == (account_key(keypair("x").public_key).to_xdr_bytes(),)
    assert footprint.read_write == (account_key(keypair("y").public_key).to_xdr_bytes(),)
