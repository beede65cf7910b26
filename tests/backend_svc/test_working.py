import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backend_svc.store import plantings, works
from backend_svc.store.database import in_transaction
from backend_svc.store.records import WorkStatus as Stored
from kale import calls
from kalepool.v1 import backend_pb2
from kalepool.v1.backend_pb2 import WorkResult
from kalepool.v1.errors_pb2 import Fault, Reason
from localnet.chain.past_states import MAX_LAG_LEDGERS
from localnet.faults.rule import FaultKind, FaultPlan, FaultRule
from poolkit.farm_reader import PailView
from tests.backend_svc.playground import (
    Playground,
    new_id,
    playground,
    second_life,
    work_talk,
)

NO_WORKS = "SELECT count(*) FROM works"
FAILED_WORKS = "SELECT count(*) FROM works WHERE status = 'failed' AND farmer_id = %s"


async def refusal(ground: Playground, result: WorkResult) -> backend_pb2.WorkReceipt:
    """The receipt of a result that is not taken."""
    talk = work_talk(ground)
    await talk.open()
    sequence = talk.ask(work_result=result)
    receipt: backend_pb2.WorkReceipt = (await talk.next_durable()).receipt
    while receipt.request_sequence != sequence:
        # What the Backend tells of its own accord may come first: a closed block's missed works.
        receipt = (await talk.next_durable()).receipt
    assert receipt.state == backend_pb2.WORK_STATE_REFUSED
    return receipt


async def test_a_work_is_recorded_submitted_and_confirmed_with_gap_zeros_and_hash(ground: Playground) -> None:
    farmer = await ground.add_farmer()
    index = (await ground.plant_all()).block_index
    talk = work_talk(ground)
    await talk.open()
    found = await ground.found(farmer)
    talk.ask(work_result=found)
    told = [each.receipt for each in (await talk.until("summary"))[:-1]]
    assert [receipt.state for receipt in told] == [
        backend_pb2.WORK_STATE_RECORDED,
        backend_pb2.WORK_STATE_SUBMITTED,
        backend_pb2.WORK_STATE_CONFIRMED,
    ]
    _, submitted, confirmed = told
    pail = await ground.backend.chain.farms.find_pail(farmer.public_key, index)
    assert pail is not None
    assert (confirmed.gap, confirmed.zeros) == (pail.pail.gap, pail.pail.zeros)
    assert confirmed.zeros == found.zeros
    assert confirmed.transaction_hash == submitted.transaction_hash
    lookup = await ground.backend.chain.rpc.transaction(confirmed.transaction_hash.hex())
    assert lookup.ledger == confirmed.ledger
    assert not confirmed.recovered


async def test_the_summary_counts_the_works_of_the_block(ground: Playground) -> None:
    farmers = [await ground.add_farmer(), await ground.add_farmer()]
    index = (await ground.plant_all()).block_index
    talk = work_talk(ground)
    await talk.open()
    for farmer in farmers:
        talk.ask(work_result=await ground.found(farmer))
    summary = (await talk.until("summary"))[-1].summary
    assert (summary.block_index, summary.recorded, summary.confirmed, summary.failed) == (index, 2, 2, 0)
    assert summary.ready_for_harvest


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"hash": bytes(32)}, "hash must be"),
        ({"zeros": 9}, "zeros must be"),
        ({"nonce": 2**64 - 1}, "hash must be"),
    ],
)
async def test_hash_zeros_and_nonce_must_agree(
    ground: Playground, change: dict[str, object], text: str
) -> None:
    farmer = await ground.add_farmer(kale=False)
    await ground.plant_all()
    found = await ground.found(farmer)
    for field, value in change.items():
        setattr(found, field, value)
    failure = (await refusal(ground, found)).failure
    assert failure.reason == Reason.REASON_HASH_MISMATCH
    assert failure.fault == Fault.FAULT_POOLER
    assert text in failure.message
    assert await ground.count(NO_WORKS) == 0


async def test_a_farmer_that_did_not_plant_can_not_work(ground: Playground) -> None:
    farmer = await ground.add_farmer(kale=False)
    await ground.open_next_block()
    failure = (await refusal(ground, await ground.found(farmer))).failure
    assert failure.reason == Reason.REASON_NOT_PLANTED
    assert await ground.count(NO_WORKS) == 0


async def test_an_unknown_farmer_can_not_work(ground: Playground) -> None:
    farmer = await ground.add_farmer(kale=False)
    await ground.open_next_block()
    found = await ground.found(farmer)
    found.farmer_id = new_id()
    assert (await refusal(ground, found)).failure.reason == Reason.REASON_NOT_FOUND


async def test_a_work_for_a_closed_block_is_late(ground: Playground) -> None:
    farmer = await ground.add_farmer(kale=False)
    await ground.plant_all()
    found = await ground.found(farmer)
    current = await ground.open_next_block()
    failure = (await refusal(ground, found)).failure
    assert failure.reason == Reason.REASON_WORK_LATE
    assert f"must be {current}" in failure.message


async def test_a_work_for_a_block_to_come_is_not_current(ground: Playground) -> None:
    farmer = await ground.add_farmer(kale=False)
    await ground.open_next_block()
    found = await ground.found(farmer)
    found.block_index += 1
    assert (await refusal(ground, found)).failure.reason == Reason.REASON_BLOCK_NOT_CURRENT


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("farmer_id", "nobody"),
        ("hash", b"short"),
        ("zeros", 65),
        ("attempts", 0),
        ("disposition", backend_pb2.WORK_DISPOSITION_UNSPECIFIED),
        ("status", backend_pb2.WORK_STATUS_UNSPECIFIED),
    ],
)
async def test_a_malformed_result_is_refused_with_its_field(
    ground: Playground, field: str, value: object
) -> None:
    found = WorkResult(
        block_index=0,
        farmer_id=new_id(),
        status=backend_pb2.WORK_STATUS_FOUND,
        hash=bytes(32),
        attempts=1,
        disposition=backend_pb2.WORK_DISPOSITION_CANDIDATE,
    )
    setattr(found, field, value)
    talk = work_talk(ground)
    await talk.open()
    talk.ask(work_result=found)
    failure = (await talk.next_durable()).refused.failure
    assert failure.reason == Reason.REASON_INVALID_FIELD
    assert [each.field for each in failure.field_violations] == [f"work_result.{field}"]


async def test_the_best_candidate_is_submitted_by_itself_before_the_block_ends(
    tmp_path: Path, database_url: str
) -> None:
    async with playground(tmp_path, database_url, speed=10.0) as ground:
        farmer = await ground.add_farmer()
        await ground.plant_all()
        talk = work_talk(ground)
        await talk.open()
        few = await ground.found(farmer, submit=False, nonces=1)
        many = await ground.found(farmer, submit=False, zeros=few.zeros + 1)
        talk.ask(work_result=many)
        talk.ask(work_result=few)
        await talk.next_durable()
        await talk.next_durable()
        await ground.skip_to(14)
        told = await talk.until("summary")
        confirmed = told[-2].receipt
        assert confirmed.state == backend_pb2.WORK_STATE_CONFIRMED
        assert (confirmed.zeros, confirmed.nonce) == (many.zeros, many.nonce)
        assert confirmed.request_sequence == 0


async def test_a_pooler_that_gives_up_has_its_candidate_submitted(ground: Playground) -> None:
    farmer = await ground.add_farmer()
    await ground.plant_all()
    talk = work_talk(ground)
    await talk.open()
    found = await ground.found(farmer, submit=False)
    talk.ask(work_result=found)
    talk.ask(work_result=given_up(found))
    confirmed = (await talk.until("summary"))[-2].receipt
    assert confirmed.state == backend_pb2.WORK_STATE_CONFIRMED


async def test_planted_farmers_without_a_work_lose_their_stake_when_the_block_closes(
    ground: Playground,
) -> None:
    gave_up, silent = await ground.add_farmer(), await ground.add_farmer()
    await ground.plant_all()
    talk = work_talk(ground)
    await talk.open()
    talk.ask(work_result=given_up(await ground.found(gave_up)))
    failed = (await talk.next_durable()).receipt
    assert failed.failure.reason == Reason.REASON_HASHER_CRASHED
    await ground.open_next_block()
    *receipts, told = await talk.until("summary")
    assert [(each.receipt.farmer_id, each.receipt.failure.reason) for each in receipts] == [
        (silent.id, Reason.REASON_WORK_TIMEOUT)
    ]
    assert (told.summary.confirmed, told.summary.failed) == (0, 2)
    assert await ground.count("SELECT count(*) FROM ledger_events WHERE kind = 'stake_forfeited'") == 2
    _, summary = await ground.reconcile()
    assert summary.reconciled


async def test_a_pail_worked_by_a_stranger_counts_as_worked(ground: Playground) -> None:
    farmer = await ground.add_farmer()
    index = (await ground.plant_all()).block_index
    ours = await ground.found(farmer, nonces=1)
    theirs = await ground.found(farmer, zeros=ours.zeros + 1)
    contract = ground.node.network.farm_contract_id
    await ground.send(calls.work(contract, farmer.public_key, theirs.hash, theirs.nonce))
    talk = work_talk(ground)
    await talk.open()
    talk.ask(work_result=ours)
    confirmed = (await talk.until("summary"))[-2].receipt
    assert confirmed.state == backend_pb2.WORK_STATE_CONFIRMED
    assert confirmed.zeros == theirs.zeros
    row = await ground.backend.database.run(works.find_work, farmer.id, index)
    assert row is not None
    assert row.by_outsider


async def test_a_farmer_worked_only_by_a_stranger_is_harvested_too(ground: Playground) -> None:
    farmer = await ground.add_farmer()
    index = (await ground.plant_all()).block_index
    found = await ground.found(farmer)
    contract = ground.node.network.farm_contract_id
    await ground.send(calls.work(contract, farmer.public_key, found.hash, found.nonce))
    await ground.open_next_block()

    async def is_harvested() -> bool:
        sql = "SELECT count(*) FROM harvests WHERE status = 'harvested' AND block_index = %s"
        return await ground.count(sql, index) == 1

    await ground.backend.closer.step()
    await ground.backend.harvester.sweep()
    await ground.eventually(is_harvested)


@asynccontextmanager
async def held_up(ground: Playground) -> AsyncIterator[None]:
    """The Backend can read no operation, so it looks at no closed block."""
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        in_transaction().execute_sql("LOCK TABLE block_operations")
        held.set()
        go_on.wait()

    holding = asyncio.create_task(ground.backend.database.run(hold))
    try:
        assert await asyncio.to_thread(held.wait, 60)
        yield
    finally:
        go_on.set()
        await holding


async def test_a_pail_worked_and_harvested_by_strangers_before_we_look_is_no_lost_stake(
    ground: Playground,
) -> None:
    farmer = await ground.add_farmer()
    index = (await ground.plant_all()).block_index
    found = await ground.found(farmer)
    talk = work_talk(ground)
    await talk.open()
    contract = ground.node.network.farm_contract_id
    async with held_up(ground):
        await ground.send(calls.work(contract, farmer.public_key, found.hash, found.nonce))
        await ground.open_next_block()
        await ground.send(calls.harvest(contract, farmer.public_key, index))
    failure = (await talk.until("summary"))[-2].receipt.failure
    assert failure.reason == Reason.REASON_HARVESTED_BY_OTHERS
    assert failure.fault == Fault.FAULT_OUTSIDER
    assert await ground.count("SELECT count(*) FROM ledger_events WHERE kind = 'stake_forfeited'") == 0
    assert await ground.count("SELECT count(*) FROM ledger_events WHERE kind = 'outsider_mint'") == 1
    findings, summary = await ground.reconcile()
    assert summary.reconciled, findings


async def test_the_stake_of_a_work_that_fails_while_the_closed_block_is_looked_at_is_not_forgotten(
    ground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, silent = await ground.add_farmer(), await ground.add_farmer()
    index = (await ground.plant_all()).block_index
    talk = work_talk(ground)
    await talk.open()
    talk.ask(work_result=await ground.found(slow, submit=False))
    await ground.eventually(lambda: _is(ground, NO_WORKS, 1))
    read, looked = ground.backend.chain.farms.pails, asyncio.Event()

    async def read_in_turn(wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], PailView]:
        """The work fails between the moment at which the closed block is read and that of its record."""
        if (silent.public_key, index) in wanted:
            pails = await read(wanted)
            looked.set()
            await ground.eventually(lambda: _is(ground, FAILED_WORKS, 1, slow.id))
            return pails
        if (slow.public_key, index) in wanted:
            await looked.wait()
        return await read(wanted)

    monkeypatch.setattr(ground.backend.chain.farms, "pails", read_in_turn)
    async with held_up(ground):
        await ground.open_next_block()
    await talk.until("summary")
    assert await ground.count("SELECT count(*) FROM ledger_events WHERE kind = 'stake_forfeited'") == 2
    findings, summary = await ground.reconcile()
    assert summary.reconciled, findings


async def _is(ground: Playground, count: str, expected: int, *parameters: str) -> bool:
    return await ground.count(count, *parameters) == expected


async def test_a_work_in_flight_when_the_backend_was_cut_off_is_confirmed_once(
    tmp_path: Path, database_url: str
) -> None:
    async with playground(tmp_path, database_url) as ground:
        farmer = await ground.add_farmer()
        index = (await ground.plant_all()).block_index
        talk = work_talk(ground)
        opened = await talk.open()
        await ground.stand_still_in_the_next_ledger()
        talk.ask(work_result=await ground.found(farmer))
        await ground.cut_off_with_one_sent("work")
        row = await ground.backend.database.run(works.find_work, farmer.id, index)
        assert row is not None
        assert row.status is Stored.SUBMITTING
        await talk.break_off()
        ground.node.clock.resume()
        async with second_life(ground) as again:
            resumed = work_talk(again)
            await resumed.open(opened.session_id, last_sequence_seen=opened.last_response_sequence)
            states = [each.receipt.state for each in (await resumed.until("summary"))[:-1]]
            assert states.count(backend_pb2.WORK_STATE_CONFIRMED) == 1
            assert await again.count("SELECT count(*) FROM transactions WHERE purpose = 'work'") == 1


async def test_a_better_nonce_recorded_while_a_work_is_in_flight_is_not_taken_for_the_one_that_was_sent(
    tmp_path: Path, database_url: str
) -> None:
    async with playground(tmp_path, database_url) as ground:
        farmer = await ground.add_farmer()
        index = (await ground.plant_all()).block_index
        talk = work_talk(ground)
        opened = await talk.open()
        sent = await ground.found(farmer, nonces=1)
        await ground.stand_still_in_the_next_ledger()
        talk.ask(work_result=sent)
        await ground.cut_off_with_one_sent("work")
        better = await ground.found(farmer, zeros=sent.zeros + 1)
        planting = await ground.backend.database.run(plantings.find_planting, farmer.id, index)
        assert planting is not None
        await ground.backend.database.run(
            works.record_nonce,
            planting,
            nonce=better.nonce,
            hash=better.hash,
            zeros=better.zeros,
            attempts=1,
            hashes=better.hashes,
            work_seconds=1.0,
        )
        await talk.break_off()
        ground.node.clock.resume()
        async with second_life(ground) as again:
            resumed = work_talk(again)
            await resumed.open(opened.session_id, last_sequence_seen=opened.last_response_sequence)
            confirmed = (await resumed.until("summary"))[-2].receipt
            assert confirmed.state == backend_pb2.WORK_STATE_CONFIRMED
            pail = await again.backend.chain.farms.find_pail(farmer.public_key, index)
            assert pail is not None
            assert confirmed.zeros == pail.pail.zeros == sent.zeros


async def test_a_work_that_a_node_behind_the_plant_refuses_is_sent_once_it_has_caught_up(
    tmp_path: Path, database_url: str
) -> None:
    async with playground(tmp_path, database_url, nodes=2) as ground:
        farmer = await ground.add_farmer()
        behind = ground.node.rpc_nodes[1].view
        behind.lag(MAX_LAG_LEDGERS)
        await ground.plant_all()
        only_there = FaultRule(
            FaultKind.STATUS,
            line=1,
            status=503,
            methods=frozenset({"simulateTransaction"}),
            nodes=frozenset({0}),
        )
        (refused,) = ground.node.faults.add(FaultPlan(1, (only_there,)))
        talk = work_talk(ground)
        await talk.open()
        talk.ask(work_result=await ground.found(farmer))

        async def is_asked_again() -> bool:
            return refused.strikes >= 2

        await ground.eventually(is_asked_again)
        behind.lag(0)
        confirmed = (await talk.until("summary"))[-2].receipt
        assert confirmed.state == backend_pb2.WORK_STATE_CONFIRMED


def given_up(found: WorkResult) -> WorkResult:
    """The news that the hasher died, for the same farmer and block."""
    return WorkResult(
        block_index=found.block_index,
        farmer_id=found.farmer_id,
        status=backend_pb2.WORK_STATUS_FAILED,
        failure_reason=Reason.REASON_HASHER_CRASHED,
        failure_message="the hasher process died",
    )
