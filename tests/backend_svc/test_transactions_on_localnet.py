"""The engine against a real localnet, at its fastest: real signatures, ledgers, contract errors."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from stellar_sdk import Asset, ChangeTrust, InvokeHostFunction, xdr

from backend_svc.store import transactions
from backend_svc.store.database import Database
from backend_svc.store.records import FailureKind, Farmer, Purpose
from backend_svc.transactions import Intent, OutcomeStatus
from kale import calls
from kale.contract_errors import FarmError, TokenError
from kale.storage import block_key, pail_key
from tests.backend_svc.local_chain import LEDGERS_A_BLOCK, LocalChain, running_local_chain
from tests.backend_svc.people import some_id

KALE = 10**7


@pytest.fixture
async def chain(database: Database) -> AsyncIterator[LocalChain]:
    async with running_local_chain(database) as running:
        yield running


@pytest.fixture
async def slow_chain(database: Database) -> AsyncIterator[LocalChain]:
    """Ledgers of half a second: room for a stranger between our simulation and our sending."""
    async with running_local_chain(database, speed=10) as running:
        yield running


async def test_a_whole_block_is_played(chain: LocalChain) -> None:
    farmer = await chain.new_farmer(10 * KALE)
    await chain.open_next_block()
    planting = await chain.plant(farmer, 5 * KALE)
    work = await chain.work(farmer, planting)
    assert work.gap is not None
    assert work.work_ledger is not None
    assert planting.plant_ledger is not None
    assert work.gap == work.work_ledger - planting.plant_ledger
    await chain.open_next_block()
    harvest = await chain.harvest(farmer, planting)
    line = await chain.farm.find_trustline(farmer.public_key)
    assert line is not None
    assert harvest.reward_stroops is not None
    assert line.balance_stroops == 10 * KALE + harvest.reward_stroops


async def test_many_farmers_act_at_once(chain: LocalChain) -> None:
    await chain.open_next_block()
    farmers = await asyncio.gather(*(chain.new_farmer() for _ in range(12)))
    plantings = await asyncio.gather(*(chain.plant(farmer, 0) for farmer in farmers))
    assert len({planting.farmer_id for planting in plantings}) == 12
    assert await chain.database.run(transactions.all_in_flight) == []


async def test_the_farms_error_is_told_from_the_assets(chain: LocalChain) -> None:
    farmer = await chain.new_farmer(1 * KALE)
    index = await chain.open_next_block()
    poor = await chain.call(
        farmer, Purpose.PLANT, some_id(), calls.plant(chain.contract, farmer.public_key, 2 * KALE)
    )
    missing = await chain.call(
        farmer, Purpose.HARVEST, some_id(), calls.harvest(chain.contract, farmer.public_key, index)
    )
    assert poor.failure is not None
    assert missing.failure is not None
    assert (poor.status, missing.status) == (OutcomeStatus.NOT_SENT, OutcomeStatus.NOT_SENT)
    assert (poor.failure.kind, poor.failure.contract, poor.failure.code) == (
        FailureKind.CONTRACT,
        chain.node.network.asset_contract_id,
        TokenError.BALANCE,
    )
    assert (missing.failure.contract, missing.failure.code) == (chain.contract, FarmError.PAIL_MISSING)
    assert await chain.database.run(transactions.all_in_flight) == []


async def test_a_strangers_harvest_makes_ours_fail_in_the_ledger(slow_chain: LocalChain) -> None:
    chain = slow_chain
    farmer = await chain.new_farmer()
    stranger = await chain.new_farmer()
    await chain.open_next_block()
    planting = await chain.plant(farmer, 0)
    await chain.work(farmer, planting)
    await chain.open_next_block()
    harvest = calls.harvest(chain.contract, farmer.public_key, planting.block_index)

    async def stranger_is_first() -> None:
        assert (await chain.call(stranger, Purpose.HARVEST, some_id(), harvest)).confirmed

    ours = await chain.engine_sending_after(stranger_is_first).execute(
        _intent(farmer, Purpose.HARVEST, harvest)
    )
    assert ours.status is OutcomeStatus.FAILED
    assert ours.failure is not None
    assert (ours.failure.kind, ours.failure.contract, ours.failure.code) == (
        FailureKind.CONTRACT,
        chain.contract,
        FarmError.PAIL_MISSING,
    )
    assert ours.ledger is not None
    assert ours.fee_charged_stroops > 0


async def test_a_work_on_the_other_side_of_the_boundary_is_a_footprint_trap(slow_chain: LocalChain) -> None:
    chain = slow_chain
    farmer = await chain.new_farmer()
    stranger = await chain.new_farmer()
    await chain.open_next_block()
    planting = await chain.plant(farmer, 0)
    nonce, hash = await chain.nonce_for(farmer, planting.block_index, zeros=1)
    chain.node.close_ledgers(LEDGERS_A_BLOCK)

    async def stranger_opens_the_next_block() -> None:
        plant = calls.plant(chain.contract, stranger.public_key, 0)
        assert (await chain.call(stranger, Purpose.PLANT, some_id(), plant)).confirmed

    ours = await chain.engine_sending_after(stranger_opens_the_next_block).execute(
        _intent(farmer, Purpose.WORK, calls.work(chain.contract, farmer.public_key, hash, nonce))
    )
    assert ours.status is OutcomeStatus.FAILED
    assert ours.failure is not None
    assert ours.failure.is_footprint_trap, ours.failure


async def test_an_account_that_does_not_exist_is_told_without_sending(chain: LocalChain) -> None:
    farmer = await chain.register()
    outcome = await chain.execute(
        farmer, Purpose.TRUSTLINE, farmer.id, ChangeTrust(Asset("KALE", chain.node.network.asset_issuer))
    )
    assert outcome.status is OutcomeStatus.NOT_SENT
    assert outcome.failure is not None
    assert outcome.failure.text == "txNO_ACCOUNT"


async def test_a_wider_footprint_is_accepted_and_its_surplus_refunded(chain: LocalChain) -> None:
    farmer = await chain.new_farmer()
    index = await chain.open_next_block()
    beyond = (
        block_key(chain.contract, index + 1),
        pail_key(chain.contract, farmer.public_key, index + 1),
    )
    plant = calls.plant(chain.contract, farmer.public_key, 0)
    outcome = await chain.engine.execute(
        replace(_intent(farmer, Purpose.PLANT, plant), also_read_write=beyond)
    )
    assert outcome.confirmed, outcome
    assert outcome.return_value is not None


def _intent(farmer: Farmer, purpose: Purpose, function: xdr.HostFunction) -> Intent:
    return Intent(
        purpose=purpose,
        reference_id=some_id(),
        farmer_id=farmer.id,
        source_account=farmer.public_key,
        operation=InvokeHostFunction(function),
    )
