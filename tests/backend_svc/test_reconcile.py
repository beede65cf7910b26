"""Reconcile on a real localnet: silent while all agrees, and naming a single stroop when it does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing

import psycopg2
import pytest
from stellar_sdk import InvokeHostFunction, scval, xdr

from backend_svc import ledger_book
from backend_svc.rules.agreement import Disagreement, Finding
from backend_svc.store import harvests, ledger
from backend_svc.store.database import Database
from backend_svc.store.records import Account, Farmer, LedgerEventKind, Planting, Purpose
from kale import calls
from tests.backend_svc.local_chain import LocalChain, running_local_chain
from tests.backend_svc.people import some_id

KALE = 10**7


@pytest.fixture
async def chain(database: Database) -> AsyncIterator[LocalChain]:
    async with running_local_chain(database) as running:
        yield running


def behind_the_triggers(url: str, statement: str, *parameters: object) -> None:
    """Change a row as no part of the Backend can: as superuser, with all triggers off."""
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, parameters)
        assert cursor.rowcount == 1


async def a_worked_farmer(chain: LocalChain) -> tuple[Farmer, Planting]:
    """10 KALE paid in, 4 of them planted in the current block, and worked."""
    farmer = await chain.new_farmer(10 * KALE)
    await chain.open_next_block()
    planting = await chain.plant(farmer, 4 * KALE)
    await chain.work(farmer, planting)
    return farmer, planting


async def findings_of(chain: LocalChain, farmer: Farmer) -> list[Finding]:
    result = await chain.reconciler.reconcile(farmer.id)
    assert result.unsettled == ()
    return list(result.findings)


async def test_everything_agrees_through_a_whole_block(chain: LocalChain) -> None:
    farmer, planting = await a_worked_farmer(chain)
    assert await findings_of(chain, farmer) == []
    await chain.open_next_block()
    await chain.harvest(farmer, planting)
    result = await chain.reconciler.reconcile()
    assert result.reconciled
    assert farmer.id in result.agreed


async def test_a_deposit_is_booked_once_and_marked_as_not_ours(chain: LocalChain) -> None:
    farmer = await chain.new_farmer(3 * KALE)
    await asyncio.gather(*(chain.events.catch_up() for _ in range(4)))
    events = await chain.database.run(ledger.events_of, farmer.id)
    assert [(event.kind, event.outsider) for event in events] == [(LedgerEventKind.DEPOSIT, True)]
    balance = await chain.database.run(ledger.balance_of, farmer.id)
    assert balance.free_stroops == 3 * KALE
    assert await chain.database.run(ledger.account_total, Account.CHAIN_OUTSIDE) == -3 * KALE


async def test_a_payment_between_two_farmers_is_a_withdrawal_and_a_deposit(chain: LocalChain) -> None:
    giver, taker = await chain.new_farmer(3 * KALE), await chain.new_farmer()
    transfer = _transfer(chain, giver, taker, 1 * KALE)
    assert (await chain.call(giver, Purpose.PAYMENT, some_id(), transfer)).confirmed
    await chain.events.catch_up()
    given = await chain.database.run(ledger.events_of, giver.id)
    taken = await chain.database.run(ledger.events_of, taker.id)
    assert [(event.kind, event.outsider) for event in given] == [
        (LedgerEventKind.DEPOSIT, True),
        (LedgerEventKind.WITHDRAWAL, False),
    ]
    assert [(event.kind, event.outsider) for event in taken] == [(LedgerEventKind.DEPOSIT, False)]
    assert (await chain.reconciler.reconcile()).reconciled


async def test_a_strangers_harvest_is_booked_as_an_outsiders_and_agrees(chain: LocalChain) -> None:
    farmer, planting = await a_worked_farmer(chain)
    await chain.open_next_block()
    assert planting.stake_stroops is not None
    before = await chain.farm.find_trustline(farmer.public_key)
    await _harvest_by_stranger(chain, farmer, planting)
    after = await chain.farm.find_trustline(farmer.public_key)
    assert before is not None
    assert after is not None
    minted = after.balance_stroops - before.balance_stroops
    await chain.events.catch_up()
    events = await chain.database.run(ledger.events_of, farmer.id)
    assert (events[-1].kind, events[-1].outsider) == (LedgerEventKind.OUTSIDER_MINT, True)

    def record() -> None:
        assert planting.stake_stroops is not None
        due = harvests.open_harvest(planting)
        done = harvests.record_harvested(
            due.id,
            reward_stroops=minted - planting.stake_stroops,
            harvest_ledger=None,
            transaction_id=None,
            by_outsider=True,
        )
        ledger_book.book_harvested_by_outsider(done)

    await chain.database.run(record)
    assert await findings_of(chain, farmer) == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "UPDATE plantings SET stake_stroops = stake_stroops + 1 WHERE farmer_id = %s",
            {
                Disagreement.TRUSTLINE: (6 * KALE - 1, 6 * KALE),
                Disagreement.FREE_ENTRIES: (6 * KALE - 1, 6 * KALE),
                Disagreement.IN_PLAY_ENTRIES: (4 * KALE + 1, 4 * KALE),
                Disagreement.PAIL_STAKE: (4 * KALE + 1, 4 * KALE),
            },
        ),
        (
            "UPDATE ledger_entries SET amount_stroops = amount_stroops + 1 "
            "WHERE farmer_id = %s AND account = 'farmer_in_play'",
            {
                Disagreement.IN_PLAY_ENTRIES: (4 * KALE, 4 * KALE + 1),
                Disagreement.IN_PLAY_BALANCE: (4 * KALE + 1, 4 * KALE),
            },
        ),
        (
            "UPDATE farmer_balances SET free_stroops = free_stroops + 1 WHERE farmer_id = %s",
            {Disagreement.FREE_BALANCE: (6 * KALE, 6 * KALE + 1)},
        ),
    ],
    ids=["a row", "an entry", "a balance"],
)
async def test_one_stroop_in_the_database_is_named(
    chain: LocalChain, database_url: str, statement: str, expected: dict[Disagreement, tuple[int, int]]
) -> None:
    farmer, _ = await a_worked_farmer(chain)
    assert await findings_of(chain, farmer) == []
    behind_the_triggers(database_url, statement, farmer.id)
    found = await findings_of(chain, farmer)
    assert {finding.what: (finding.expected, finding.actual) for finding in found} == expected
    assert {finding.farmer_id for finding in found} == {farmer.id}


async def test_one_stroop_on_the_chain_is_named(chain: LocalChain) -> None:
    farmer, _ = await a_worked_farmer(chain)
    chain.node.add_to_kale_balance(farmer.public_key, 1)
    found = await findings_of(chain, farmer)
    assert found == [Finding(farmer.id, Disagreement.TRUSTLINE, 6 * KALE, 6 * KALE + 1)]
    assert str(found[0]) == f"farmer {farmer.id}: trustline is 60000001, expected 60000000"


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE works SET gap = gap + 1 WHERE farmer_id = %s", Disagreement.PAIL_GAP),
        (
            "UPDATE works SET confirmed_zeros = confirmed_zeros + 1 WHERE farmer_id = %s",
            Disagreement.PAIL_ZEROS,
        ),
    ],
    ids=["gap", "zeros"],
)
async def test_a_pail_that_differs_from_its_work_is_named(
    chain: LocalChain, database_url: str, statement: str, what: Disagreement
) -> None:
    farmer, planting = await a_worked_farmer(chain)
    behind_the_triggers(database_url, statement, farmer.id)
    (found,) = await findings_of(chain, farmer)
    assert (found.what, found.block_index) == (what, planting.block_index)


async def test_a_pail_that_a_stranger_works_before_us_is_no_difference(chain: LocalChain) -> None:
    farmer = await chain.new_farmer(10 * KALE)
    await chain.open_next_block()
    planting = await chain.plant(farmer, 4 * KALE)
    await _work_by_stranger(chain, farmer, planting, zeros=0)
    assert await findings_of(chain, farmer) == []


async def test_a_pail_that_a_stranger_works_better_after_us_is_no_difference(chain: LocalChain) -> None:
    farmer, planting = await a_worked_farmer(chain)
    await _work_by_stranger(chain, farmer, planting, zeros=2)
    assert await findings_of(chain, farmer) == []


async def test_a_pail_that_is_gone_and_not_harvested_by_us_is_named(chain: LocalChain) -> None:
    farmer, planting = await a_worked_farmer(chain)
    await chain.open_next_block()
    await _harvest_by_stranger(chain, farmer, planting)
    found = await findings_of(chain, farmer)
    assert Disagreement.PAIL_MISSING in {finding.what for finding in found}


async def test_a_farmer_with_something_under_way_is_not_judged(chain: LocalChain) -> None:
    farmer, planting = await a_worked_farmer(chain)
    still = await chain.new_farmer()
    await chain.open_next_block()
    await chain.database.run(
        harvests.claim_due_harvests,
        current_index=planting.block_index + 1,
        limit=10,
        claim_wall_seconds=3_600,
    )
    result = await chain.reconciler.reconcile()
    assert result.unsettled == (farmer.id,)
    assert still.id in result.agreed
    assert not result.reconciled


async def _harvest_by_stranger(chain: LocalChain, farmer: Farmer, planting: Planting) -> None:
    """By a transaction that is not in our database: the faucet's."""
    harvest = calls.harvest(chain.contract, farmer.public_key, planting.block_index)
    await chain.send_by_faucet(InvokeHostFunction(harvest))


async def _work_by_stranger(chain: LocalChain, farmer: Farmer, planting: Planting, *, zeros: int) -> None:
    nonce, found = await chain.nonce_for(farmer, planting.block_index, zeros=zeros)
    assert planting.plant_ledger is not None
    await chain.clock.wait_for_ledger(planting.plant_ledger + 1)
    work = calls.work(chain.contract, farmer.public_key, found, nonce)
    await chain.send_by_faucet(InvokeHostFunction(work))


def _transfer(chain: LocalChain, giver: Farmer, taker: Farmer, stroops: int) -> xdr.HostFunction:
    arguments = [
        scval.to_address(giver.public_key),
        scval.to_address(taker.public_key),
        scval.to_int128(stroops),
    ]
    return calls.invocation(chain.node.network.asset_contract_id, "transfer", arguments)
