"""Rivals on a chain: funded, playing by their strategies, and meddling; only their hashes are a gift."""

from decimal import Decimal

import pytest
from stellar_sdk import Asset, InvokeHostFunction
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale import calls
from kale.constants import BLOCK_SECONDS, LEDGER_SECONDS, STROOPS_PER_KALE
from kale.networks import LOCAL
from localnet.chain.chain import Chain, new_chain
from localnet.genesis import FAUCET, RIVALS
from localnet.ledger.accounts import find_account, find_trustline
from localnet.network_settings import MAINNET_SETTINGS
from localnet.rivals.crowd import Crowd, RivalsRefused
from localnet.rivals.group import FixedDelay, Idle, Late, Meddler, Outbid, RivalGroup
from localnet.rivals.rival import Rival
from localnet.rivals.sight import Sight
from localnet.testing import NodeHandle
from tests.localnet.conftest import START_TIME
from tests.localnet.play import KALE, Play
from tests.localnet.wallet import Wallet

LEDGERS_A_BLOCK = BLOCK_SECONDS // LEDGER_SECONDS + 1


def chain_of() -> Chain:
    return new_chain(LOCAL, MAINNET_SETTINGS, START_TIME, 10_000)


def crowd_of(chain: Chain, *groups: RivalGroup) -> Crowd:
    crowd = Crowd(chain)
    crowd.add(groups)
    return crowd


def sight_of(chain: Chain) -> Sight:
    return Sight.of(chain.latest, chain.state, chain.network)


def close_until_block(chain: Chain, index: int) -> None:
    while sight_of(chain).farm.index < index:
        chain.close_ledger()


def close_until_end_of_block(chain: Chain) -> None:
    """To the last ledger in which a work for the current block is sure to be taken."""
    while chain.latest.close_time + LEDGER_SECONDS < sight_of(chain).closes_at:
        chain.close_ledger()


def kale_of(chain: Chain, rival: Rival) -> int:
    asset = Asset(chain.network.asset_code, chain.network.asset_issuer).to_xdr_object()
    line = find_trustline(chain.state, rival.wallet.public_key, asset)
    assert line is not None
    return line.balance.int64


def test_rivals_are_funded_by_transactions_and_play_block_after_block() -> None:
    chain = chain_of()
    crowd = crowd_of(chain, FixedDelay(count=25, mhs=30, stake_kale=7.5), Late(count=2, mhs=5))
    close_until_block(chain, 1)
    before = [kale_of(chain, rival) for rival in crowd.rivals]
    close_until_block(chain, 4)
    chain.close_ledger()
    assert all(
        kale_of(chain, rival) > held + 2 * STROOPS_PER_KALE
        for rival, held in zip(crowd.rivals, before, strict=True)
    )
    assert {(rival.wallet.tally.failed, rival.wallet.tally.refused) for rival in crowd.rivals} == {(0, 0)}
    block = sight_of(chain).block
    assert block is not None
    assert block.staked_total == 25 * 75_000_000


def test_each_strategy_works_at_its_time() -> None:
    chain = chain_of()
    crowd = crowd_of(
        chain, FixedDelay(delay_seconds=100), Outbid(), Late(), Idle(), FixedDelay(delay_seconds=0)
    )
    close_until_block(chain, 1)
    index = sight_of(chain).farm.index
    close_until_end_of_block(chain)
    pails = [sight_of(chain).find_pail(rival.wallet.address, index) for rival in crowd.rivals]
    ages = [None if pail is None or pail.gap is None else pail.gap * LEDGER_SECONDS for pail in pails]
    # The ledger after the one that shows the age.
    assert ages == [105, 185, 295, None, 5]


def test_one_that_outbids_has_more_zeros_than_the_blocks_maximum_if_it_can() -> None:
    chain = chain_of()
    crowd = crowd_of(chain, FixedDelay(mhs=0.001), Outbid(mhs=1_000, seed=1), Outbid(mhs=0, seed=2))
    for index in range(1, 6):
        close_until_block(chain, index)
        close_until_end_of_block(chain)
        sight = sight_of(chain)
        assert sight.block is not None
        strong, weak = (sight.find_pail(rival.wallet.address, index) for rival in crowd.rivals[1:])
        assert strong is not None
        assert strong.zeros is not None
        if sight.block.max_zeros <= 6:
            assert strong.zeros > sight.block.max_zeros
        assert weak is not None
        assert weak.zeros is not None
        assert weak.zeros < 6


def test_two_chains_with_the_same_rivals_are_the_same_chain() -> None:
    hashes = set()
    for _ in range(2):
        chain = chain_of()
        crowd_of(chain, FixedDelay(count=2, mhs=10), Outbid(mhs=10), Meddler())
        for _ in range(2 * LEDGERS_A_BLOCK):
            chain.close_ledger()
        hashes.add(chain.latest.hash)
    assert len(hashes) == 1


def test_another_seed_finds_other_hashes() -> None:
    entropies = set()
    for seed in range(3):
        chain = chain_of()
        crowd_of(chain, FixedDelay(seed=seed, delay_seconds=5))
        close_until_block(chain, 1)
        chain.close_ledger()
        block = sight_of(chain).block
        assert block is not None
        entropies.add(block.entropy)
    assert len(entropies) == 3


async def test_a_meddler_works_and_harvests_the_pail_of_a_stranger_and_pays_dust(
    node: NodeHandle, farmer: Wallet
) -> None:
    chain = node.chain
    crowd = crowd_of(chain, Meddler(mhs=1, delay_seconds=30, work_share=1, harvest_share=1, dust_share=1))
    (meddler,) = crowd.rivals
    close_until_block(chain, 1)
    await farmer.call(calls.plant(LOCAL.farm_contract_id, farmer.address, 5 * STROOPS_PER_KALE))
    xlm_before = find_account(chain.state, farmer.key.raw_public_key())
    close_until_end_of_block(chain)
    pail = sight_of(chain).find_pail(farmer.address, 1)
    assert pail is not None
    assert pail.zeros is not None
    close_until_block(chain, 2)
    node.close_ledgers(2)
    assert sight_of(chain).find_pail(farmer.address, 1) is None
    xlm_after = find_account(chain.state, farmer.key.raw_public_key())
    assert xlm_before is not None
    assert xlm_after is not None
    assert xlm_after.balance.int64 == xlm_before.balance.int64 + 1
    assert await farmer.kale_balance() > 1_000 * STROOPS_PER_KALE
    assert meddler.wallet.tally.failed == 0


async def test_a_meddler_leaves_alone_what_its_shares_do_not_ask_for(
    node: NodeHandle, farmer: Wallet
) -> None:
    crowd_of(node.chain, Meddler(work_share=0, harvest_share=0, dust_share=0))
    close_until_block(node.chain, 1)
    await farmer.call(calls.plant(LOCAL.farm_contract_id, farmer.address, 0))
    close_until_block(node.chain, 2)
    node.close_ledgers(3)
    pail = sight_of(node.chain).find_pail(farmer.address, 1)
    assert pail is not None
    assert pail.zeros is None
    assert await farmer.kale_balance() == 1_000 * STROOPS_PER_KALE


async def test_the_side_door_is_closed_to_everybody_else(
    node: NodeHandle, rpc: SorobanServerAsync, farmer: Wallet
) -> None:
    crowd_of(node.chain, FixedDelay(mhs=100))
    close_until_block(node.chain, 1)
    await farmer.call(calls.plant(LOCAL.farm_contract_id, farmer.address, 0))
    node.close_ledgers(50)
    made_up = calls.work(LOCAL.farm_contract_id, farmer.address, bytes(5) + b"\xff" * 27, 7)
    builder = (await farmer.builder()).append_operation(InvokeHostFunction(made_up))
    simulated = await rpc.simulate_transaction(builder.build())
    assert simulated.error is not None
    assert simulated.error.startswith("HostError: Error(Contract, #13)")


def test_rivals_that_are_cleared_do_nothing_more() -> None:
    chain = chain_of()
    crowd = crowd_of(chain, FixedDelay(count=3))
    close_until_block(chain, 1)
    crowd.clear()
    chain.close_ledger()
    assert [chain.close_ledger().transactions for _ in range(2 * LEDGERS_A_BLOCK)] == [()] * 122
    crowd.add([FixedDelay(count=3)])
    close_until_block(chain, 2)
    assert {rival.wallet.tally.failed for rival in crowd.rivals} == {0}


def test_more_rivals_than_a_chain_takes_are_refused() -> None:
    crowd = crowd_of(chain_of(), Idle(count=499))
    with pytest.raises(RivalsRefused, match="rivals are 501 in all, must be at most 500"):
        crowd.add([Idle(count=2)])
    assert len(crowd.rivals) == 499


def test_stakes_that_nobody_can_pay_are_refused() -> None:
    crowd = crowd_of(chain_of(), Idle(count=60, stake_kale=1_000))
    with pytest.raises(RivalsRefused, match="are 1010000000000000 stroops in all"):
        crowd.add([Idle(count=41, stake_kale=1_000)])
    crowd.add([Idle(count=40, stake_kale=1_000)])


def test_a_chain_without_the_rivals_bank_refuses_them() -> None:
    chain = chain_of()
    for key in list(chain.state.entries()):
        if RIVALS.raw_public_key() in key:
            chain.state.commit({key: None})
    with pytest.raises(RivalsRefused, match=f"no account {RIVALS.public_key}"):
        Crowd(chain).add([Idle()])


def test_the_chain_goes_on_when_a_stranger_merges_the_bank() -> None:
    play = Play()
    crowd = crowd_of(play.chain, FixedDelay(count=1, mhs=5, stake_kale=1))
    held = Decimal(play.line(RIVALS).balance.int64) / STROOPS_PER_KALE
    builder = play.builder(RIVALS, fee=1_000).append_payment_op(LOCAL.asset_issuer, KALE, held)
    builder.append_change_trust_op(KALE, "0").append_account_merge_op(FAUCET.public_key)
    assert play.apply(builder, RIVALS).succeeded
    for _ in range(5):
        play.chain.close_ledger()
    (rival,) = crowd.rivals
    assert find_account(play.chain.state, rival.wallet.public_key) is None
