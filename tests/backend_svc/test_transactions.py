"""The engine's rules, one by one, on a scripted chain and a real database."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from stellar_sdk import Asset, ChangeTrust, Keypair, xdr

from backend_svc.store import transactions
from backend_svc.store.database import Database
from backend_svc.store.records import (
    AttemptStep,
    FailureKind,
    Farmer,
    Purpose,
    StoredTransaction,
    TransactionStatus,
)
from backend_svc.transactions import (
    VALIDITY_LEDGERS,
    Intent,
    OutcomeStatus,
    OutcomeUnknownError,
    Submitter,
    TransactionEngine,
    TransactionOutcome,
)
from kale.networks import LOCAL
from poolkit.errors import RpcUnavailable
from poolkit.rpc_answers import SendOutcome, SendStatus
from tests.backend_svc.chain_fakes import FIRST_LEDGER, FakeChain, OneKeySigner, SendScript
from tests.backend_svc.people import some_farmer, some_id, some_pooler

SILENCE = SendScript(status=None, taken=False)
TAKEN_SILENTLY = SendScript(status=None, taken=True)
LATER = SendScript(status=SendStatus.TRY_AGAIN_LATER, taken=False)
LOST = SendScript(status=SendStatus.PENDING, taken=False)
CALL_REFUSED = SendScript(status=None, taken=True, call_refused=True)


def refused(
    code: xdr.TransactionResultCode, *, after_unknown: bool = False, taken: bool = False
) -> SendScript:
    return SendScript(SendStatus.ERROR, taken=taken, refusal=code, after_unknown=after_unknown)


class OvertakenSubmitter:
    """While its first envelope is on the way another Backend sends the same, into a ledger, and dies."""

    def __init__(self, chain: FakeChain, other: TransactionEngine) -> None:
        self._chain = chain
        self._other = other
        self.refusals = 0

    async def send(self, envelope_xdr: str) -> SendOutcome:
        other = asyncio.create_task(self._other.recover())
        await self._chain.sends.get()
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)
        self._chain.close_ledger()
        self._chain.will_answer(refused(xdr.TransactionResultCode.txBAD_SEQ))
        self.refusals += 1
        return await self._chain.send(envelope_xdr)


@dataclass(frozen=True)
class Stage:
    """One engine on one scripted chain, and a farmer to act for."""

    database: Database
    chain: FakeChain
    engine: TransactionEngine
    farmer: Farmer
    new_engine: Callable[..., TransactionEngine]

    def intent(self, reference_id: str | None = None) -> Intent:
        return Intent(
            purpose=Purpose.TRUSTLINE,
            reference_id=reference_id or some_id(),
            farmer_id=self.farmer.id,
            source_account=self.farmer.public_key,
            operation=ChangeTrust(Asset(LOCAL.asset_code, LOCAL.asset_issuer)),
        )

    async def play(self, intent: Intent) -> TransactionOutcome:
        """Execute while ledgers close."""
        return await self.chain.close_until_done(asyncio.create_task(self.engine.execute(intent)))

    async def steps(self, outcome: TransactionOutcome) -> list[AttemptStep]:
        assert outcome.transaction_id is not None
        return await self.database.run(transactions.attempts_of, outcome.transaction_id)

    async def in_flight(self) -> StoredTransaction | None:
        return await self.database.run(transactions.in_flight_of, self.farmer.public_key)


@pytest.fixture
async def stage(database: Database) -> Stage:
    keypair = Keypair.random()
    farmer = await database.run(lambda: some_farmer(some_pooler(), public_key=keypair.public_key))
    chain = FakeChain()

    def new_engine(submitter: Submitter = chain) -> TransactionEngine:
        return TransactionEngine(
            database=database,
            chain=chain,
            submitter=submitter,
            signer=OneKeySigner(keypair),
            clock=chain.clock,
            passphrase=LOCAL.passphrase,
        )

    return Stage(database, chain, new_engine(), farmer, new_engine)


async def test_a_transaction_that_gets_into_a_ledger_is_confirmed(stage: Stage) -> None:
    outcome = await stage.play(stage.intent())
    assert outcome.confirmed
    assert (outcome.ledger, outcome.fee_charged_stroops) == (FIRST_LEDGER + 1, 100)
    assert await stage.steps(outcome) == [AttemptStep.SENDING, AttemptStep.PENDING]
    assert await stage.in_flight() is None


async def test_it_is_on_record_with_hash_and_validity_before_it_is_sent(stage: Stage) -> None:
    task = asyncio.create_task(stage.engine.execute(stage.intent()))
    sent_hash = await stage.chain.sends.get()
    stored = await stage.in_flight()
    assert stored is not None
    assert stored.hash.hex() == sent_hash
    assert stored.prepared_ledger == FIRST_LEDGER
    assert stored.max_ledger == FIRST_LEDGER + 1 + VALIDITY_LEDGERS
    assert stored.sequence_number == 8
    await stage.chain.close_until_done(task)


async def test_a_failure_in_the_ledger_says_its_code(stage: Stage) -> None:
    stage.chain.will_fail_with(xdr.TransactionResultCode.txINTERNAL_ERROR)
    outcome = await stage.play(stage.intent())
    assert outcome.status is OutcomeStatus.FAILED
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.text) == (FailureKind.RESULT, "txINTERNAL_ERROR")


async def test_an_intent_confirmed_once_is_never_sent_again(stage: Stage) -> None:
    intent = stage.intent()
    first = await stage.play(intent)
    assert await stage.engine.execute(intent) == first
    assert len(stage.chain.sent) == 1


async def test_one_that_no_ledger_took_is_dead_only_when_none_can(stage: Stage) -> None:
    stage.chain.will_answer(LOST)
    task = asyncio.create_task(stage.engine.execute(stage.intent()))
    await stage.chain.sends.get()
    for _ in range(VALIDITY_LEDGERS):
        stage.chain.close_ledger()
        await stage.chain.lookups.get()
    stored = await stage.in_flight()
    assert stored is not None
    assert stored.status is TransactionStatus.SUBMITTED
    await stage.chain.close_until_done(task)
    assert task.result().status is OutcomeStatus.DEAD
    assert stage.chain.latest == stored.max_ledger


async def test_a_dead_one_is_made_anew_when_the_caller_says_so(stage: Stage) -> None:
    intent = stage.intent()
    stage.chain.will_answer(LOST)
    assert (await stage.play(intent)).status is OutcomeStatus.DEAD
    again = await stage.play(intent)
    assert again.confirmed
    assert len(set(stage.chain.sent)) == 2


@pytest.mark.parametrize("answer", [SILENCE, LATER], ids=["no answer", "try again later"])
async def test_after_an_answer_that_leaves_it_open_the_same_envelope_is_sent_again(
    stage: Stage, answer: SendScript
) -> None:
    stage.chain.will_answer(answer, answer)
    outcome = await stage.play(stage.intent())
    assert outcome.confirmed
    assert len(stage.chain.sent) == 3
    assert len(set(stage.chain.sent)) == 1
    steps = await stage.steps(outcome)
    assert steps[::2] == [AttemptStep.SENDING] * 3
    assert steps[-1] is AttemptStep.PENDING


async def test_an_unknown_answer_is_looked_up_before_anything_is_sent_again(stage: Stage) -> None:
    stage.chain.will_answer(TAKEN_SILENTLY)
    outcome = await stage.play(stage.intent())
    assert outcome.confirmed
    assert len(stage.chain.sent) == 1
    assert await stage.steps(outcome) == [AttemptStep.SENDING, AttemptStep.UNKNOWN]


async def test_a_refusal_of_the_only_sending_is_final_at_once(stage: Stage) -> None:
    stage.chain.will_answer(refused(xdr.TransactionResultCode.txINSUFFICIENT_FEE))
    outcome = await stage.engine.execute(stage.intent())
    assert outcome.status is OutcomeStatus.FAILED
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.text) == (FailureKind.REFUSED, "txINSUFFICIENT_FEE")
    assert stage.chain.latest == FIRST_LEDGER


async def test_a_refusal_after_an_unknown_answer_proves_nothing(stage: Stage) -> None:
    bad_sequence = xdr.TransactionResultCode.txBAD_SEQ
    stage.chain.will_answer(refused(bad_sequence, after_unknown=True, taken=True))
    assert (await stage.play(stage.intent())).confirmed


async def test_a_node_that_refuses_the_call_may_not_be_the_only_one_that_had_it(stage: Stage) -> None:
    stage.chain.will_answer(CALL_REFUSED)
    outcome = await stage.play(stage.intent())
    assert outcome.confirmed
    assert await stage.steps(outcome) == [AttemptStep.SENDING, AttemptStep.UNKNOWN]


async def test_a_refusal_proves_nothing_where_another_backend_sent_the_same_envelope(stage: Stage) -> None:
    submitter = OvertakenSubmitter(stage.chain, stage.new_engine())
    outcome = await stage.chain.close_until_done(
        asyncio.create_task(stage.new_engine(submitter).execute(stage.intent()))
    )
    assert submitter.refusals == 1
    assert outcome.confirmed


async def test_what_somebody_recorded_as_failed_is_not_sent_again(stage: Stage) -> None:
    stage.chain.will_answer(refused(xdr.TransactionResultCode.txINSUFFICIENT_FEE))
    outcome = await stage.engine.execute(stage.intent())
    assert outcome.transaction_id is not None
    stored = await stage.database.run(transactions.get_transaction, outcome.transaction_id)
    again = await stage.database.run(transactions.begin_sending_again, stored, FIRST_LEDGER)
    assert again.status is TransactionStatus.FAILED
    assert await stage.steps(outcome) == [AttemptStep.SENDING, AttemptStep.ERROR]


async def test_a_refusal_that_stands_until_the_last_ledger_is_a_failure(stage: Stage) -> None:
    stage.chain.will_answer(refused(xdr.TransactionResultCode.txBAD_SEQ, after_unknown=True))
    outcome = await stage.play(stage.intent())
    assert outcome.status is OutcomeStatus.FAILED
    assert outcome.failure is not None
    assert outcome.failure.text == "txBAD_SEQ"
    assert stage.chain.latest == FIRST_LEDGER + 1 + VALIDITY_LEDGERS
    assert len(stage.chain.sent) == 1


async def test_a_node_that_does_not_answer_is_waited_for(stage: Stage) -> None:
    task = asyncio.create_task(stage.engine.execute(stage.intent()))
    await stage.chain.sends.get()
    stage.chain.reachable = False
    for _ in range(3 * VALIDITY_LEDGERS):
        stage.chain.close_ledger()
        await stage.chain.lookups.get()
    assert not task.done()
    stage.chain.reachable = True
    await stage.chain.close_until_done(task)
    assert task.result().ledger == FIRST_LEDGER + 1


async def test_without_a_node_nothing_is_stored_or_sent(stage: Stage) -> None:
    stage.chain.reachable = False
    with pytest.raises(RpcUnavailable):
        await stage.engine.execute(stage.intent())
    assert await stage.database.run(transactions.all_in_flight) == []
    assert stage.chain.sent == []


async def test_after_a_crash_before_the_answer_the_ledger_decides(stage: Stage) -> None:
    intent = stage.intent()
    stage.chain.will_answer(TAKEN_SILENTLY)
    task = asyncio.create_task(stage.engine.execute(intent))
    await stage.chain.sends.get()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    stage.chain.close_ledger()
    outcomes = await stage.new_engine().recover()
    assert [outcome.confirmed for outcome in outcomes] == [True]
    assert len(stage.chain.sent) == 1
    assert (await stage.new_engine().execute(intent)).ledger == FIRST_LEDGER + 1


async def test_after_a_crash_before_the_sending_the_same_envelope_goes_out(stage: Stage) -> None:
    stage.chain.will_answer(SILENCE)
    task = asyncio.create_task(stage.engine.execute(stage.intent()))
    await stage.chain.sends.get()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    recovering = asyncio.create_task(stage.new_engine().recover())
    await stage.chain.close_until_done(recovering)
    assert [outcome.confirmed for outcome in recovering.result()] == [True]
    assert len(stage.chain.sent) == 2
    assert len(set(stage.chain.sent)) == 1


async def test_intents_of_one_account_go_one_after_the_other(stage: Stage) -> None:
    intents = [stage.intent() for _ in range(3)]
    engines = [stage.engine, stage.new_engine(), stage.new_engine()]
    tasks = [
        asyncio.create_task(engine.execute(intent)) for engine, intent in zip(engines, intents, strict=True)
    ]
    results = await stage.chain.close_until_done(asyncio.gather(*tasks))
    assert all(outcome.confirmed for outcome in results)
    assert len({outcome.ledger for outcome in results}) == 3
    assert stage.chain.sequence_number == 7 + 3


async def test_two_backends_with_the_same_intent_make_one_transaction(stage: Stage) -> None:
    intent = stage.intent()
    both = asyncio.gather(stage.engine.execute(intent), stage.new_engine().execute(intent))
    one, two = await stage.chain.close_until_done(both)
    assert one == two
    assert len(set(stage.chain.sent)) == 1


async def test_when_the_window_is_gone_an_unused_sequence_number_is_proof(stage: Stage) -> None:
    stage.chain.will_answer(LOST)
    task = asyncio.create_task(stage.engine.execute(stage.intent()))
    await stage.chain.sends.get()
    stage.chain.oldest = FIRST_LEDGER + 1
    await stage.chain.close_until_done(task)
    assert task.result().status is OutcomeStatus.DEAD


async def test_when_the_window_is_gone_a_node_that_does_not_answer_decides_nothing(stage: Stage) -> None:
    stage.chain.will_answer(LOST)
    task = asyncio.create_task(stage.engine.execute(stage.intent()))
    await stage.chain.sends.get()
    stage.chain.oldest = FIRST_LEDGER + 1
    stage.chain.entries_reachable = False
    for _ in range(3 * VALIDITY_LEDGERS):
        stage.chain.close_ledger()
        await stage.chain.lookups.get()
    assert not task.done()
    stage.chain.entries_reachable = True
    await stage.chain.close_until_done(task)
    assert task.result().status is OutcomeStatus.DEAD


async def test_when_the_window_is_gone_and_the_number_used_only_an_operator_knows(stage: Stage) -> None:
    task = asyncio.create_task(stage.engine.execute(stage.intent()))
    await stage.chain.sends.get()
    stage.chain.reachable = False
    stage.chain.close_ledger()
    stage.chain.latest = 10_000
    stage.chain.oldest = 9_000
    stage.chain.reachable = True
    stage.chain.close_ledger()
    with pytest.raises(OutcomeUnknownError, match="sequence number 8"):
        await task
    stored = await stage.in_flight()
    assert stored is not None
    assert await stage.database.run(transactions.attempts_of, stored.id) == [
        AttemptStep.SENDING,
        AttemptStep.PENDING,
        AttemptStep.WINDOW_LOST,
    ]
    assert await stage.new_engine().recover() == []
