"""A chain that does what a test says, behind the engine's ports: real XDR, no network.

Ledgers close when the test closes them; what a node answers to a send, and
whether the transaction then gets into a ledger, is scripted.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from stellar_sdk import Keypair, TransactionEnvelope, scval, xdr
from stellar_sdk.decorated_signature import DecoratedSignature

from kale.networks import LOCAL
from poolkit.chain_clock import ChainClock
from poolkit.errors import RpcUnavailable
from poolkit.rpc_answers import (
    Entries,
    EntryView,
    LedgerHead,
    SendOutcome,
    SendStatus,
    Simulation,
    TransactionLookup,
    TransactionStatus,
)
from poolkit.rpc_endpoints import RpcRefused

FIRST_LEDGER = 100

T = TypeVar("T")


@dataclass(frozen=True)
class SendScript:
    """One answer to a send. status None: no answer. taken: the transaction is queued all the same.

    call_refused: the node answers with an error instead of a status.
    """

    status: SendStatus | None = SendStatus.PENDING
    taken: bool = True
    refusal: xdr.TransactionResultCode | None = None
    after_unknown: bool = False
    call_refused: bool = False


class WatchedClock(ChainClock):
    """A clock that tells when somebody waits for a ledger to come."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited = asyncio.Event()

    async def wait_for_ledger(self, sequence: int) -> LedgerHead:
        if sequence > self.get_head().sequence:
            self.awaited.set()
        return await super().wait_for_ledger(sequence)


class FakeChain:
    """ChainReader and Submitter in one; every account that is asked for exists."""

    def __init__(self) -> None:
        self.clock = WatchedClock()
        self.latest = FIRST_LEDGER
        self.oldest = 1
        self.sequence_number = 7
        self.reachable = True
        self.entries_reachable = True
        self.script: deque[SendScript] = deque()
        self.sent: list[str] = []
        self.lookups: asyncio.Queue[str] = asyncio.Queue()
        self.sends: asyncio.Queue[str] = asyncio.Queue()
        self._queue: list[TransactionEnvelope] = []
        self._applied: dict[str, TransactionLookup] = {}
        self._results: deque[xdr.TransactionResult] = deque()
        self.clock.observe(LedgerHead(self.latest, self.latest * 5))

    def will_answer(self, *scripts: SendScript) -> None:
        self.script.extend(scripts)

    def will_fail_with(self, code: xdr.TransactionResultCode) -> None:
        """The next transaction that gets into a ledger fails there."""
        self._results.append(result_xdr(code))

    def close_ledger(self) -> None:
        """Take the queue into a ledger, and let the clock see it."""
        self.latest += 1
        for envelope in self._queue:
            self._apply(envelope)
        self._queue.clear()
        self.clock.awaited.clear()
        self.clock.observe(LedgerHead(self.latest, self.latest * 5))

    async def close_until_done(self, task: "asyncio.Future[T]") -> T:
        """Close ledgers, each once somebody waits for it; the task's result."""
        while not task.done():
            waiting = asyncio.create_task(self.clock.awaited.wait())
            either: tuple[asyncio.Future[Any], ...] = (task, waiting)
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if not task.done():
                self.close_ledger()
        return task.result()

    async def entries(self, keys: Iterable[xdr.LedgerKey]) -> Entries:
        self._require_reachable()
        if not self.entries_reachable:
            raise RpcUnavailable("no node answers")
        return Entries(
            latest_ledger=self.latest,
            by_key={key.to_xdr(): EntryView(self._account(key), 1, None) for key in keys},
        )

    async def simulate(self, envelope_xdr: str) -> Simulation:
        self._require_reachable()
        raise AssertionError("these transactions are classic: nothing to simulate")

    async def send(self, envelope_xdr: str) -> SendOutcome:
        envelope = TransactionEnvelope.from_xdr(envelope_xdr, LOCAL.passphrase)
        self.sent.append(envelope_xdr)
        script = self.script.popleft() if self.script else SendScript()
        if script.taken:
            self._queue.append(envelope)
        self.sends.put_nowait(envelope.hash_hex())
        if script.call_refused:
            raise RpcRefused("sendTransaction", -32602, "invalid parameters")
        if script.status is None:
            raise RpcUnavailable("no answer")
        return SendOutcome(
            status=script.status,
            hash=envelope.hash_hex(),
            latest_ledger=self.latest,
            latest_close_time=self.latest * 5,
            error_result_xdr=result_xdr(script.refusal).to_xdr() if script.refusal is not None else None,
            diagnostic_events_xdr=(),
            after_unknown=script.after_unknown,
        )

    async def transaction(self, hash_hex: str) -> TransactionLookup:
        self.lookups.put_nowait(hash_hex)
        self._require_reachable()
        window = TransactionLookup(
            status=TransactionStatus.NOT_FOUND,
            hash=hash_hex,
            latest_ledger=self.latest,
            latest_close_time=self.latest * 5,
            oldest_ledger=self.oldest,
            oldest_close_time=self.oldest * 5,
        )
        applied = self._applied.get(hash_hex)
        if applied is None or applied.ledger is None or applied.ledger < self.oldest:
            return window
        return replace(applied, latest_ledger=self.latest, oldest_ledger=self.oldest)

    def _apply(self, envelope: TransactionEnvelope) -> None:
        if envelope.hash_hex() in self._applied:
            return
        self.sequence_number = envelope.transaction.sequence
        succeeded = xdr.TransactionResultCode.txSUCCESS
        result = self._results.popleft() if self._results else result_xdr(succeeded)
        status = TransactionStatus.SUCCESS if result.result.code == succeeded else TransactionStatus.FAILED
        self._applied[envelope.hash_hex()] = TransactionLookup(
            status=status,
            hash=envelope.hash_hex(),
            latest_ledger=self.latest,
            latest_close_time=self.latest * 5,
            oldest_ledger=self.oldest,
            oldest_close_time=self.oldest * 5,
            ledger=self.latest,
            result_xdr=result.to_xdr(),
        )

    def _account(self, key: xdr.LedgerKey) -> xdr.LedgerEntryData:
        assert key.account is not None
        entry = xdr.AccountEntry(
            account_id=key.account.account_id,
            balance=xdr.Int64(10**9),
            seq_num=xdr.SequenceNumber(xdr.Int64(self.sequence_number)),
            num_sub_entries=xdr.Uint32(1),
            inflation_dest=None,
            flags=xdr.Uint32(0),
            home_domain=xdr.String32(b""),
            thresholds=xdr.Thresholds(b"\x01\x00\x00\x00"),
            signers=[],
            ext=xdr.AccountEntryExt(0),
        )
        return xdr.LedgerEntryData(xdr.LedgerEntryType.ACCOUNT, account=entry)

    def _require_reachable(self) -> None:
        if not self.reachable:
            raise RpcUnavailable("no node answers")


def result_xdr(code: xdr.TransactionResultCode) -> xdr.TransactionResult:
    return xdr.TransactionResult(
        fee_charged=xdr.Int64(100),
        result=xdr.TransactionResultResult(code=code, results=[]),
        ext=xdr.TransactionResultExt(0),
    )


class OneKeySigner:
    """Signs for every farmer with the one key of the test."""

    def __init__(self, keypair: Keypair) -> None:
        self._keypair = keypair

    async def sign(self, farmer_id: str, transaction_hash: bytes) -> DecoratedSignature:
        return self._keypair.sign_decorated(transaction_hash)


def error_event(contract_id: bytes, error: xdr.SCError, words: str) -> xdr.DiagnosticEvent:
    """A diagnostic error event as the host writes it."""
    body = xdr.ContractEventBody(
        0,
        v0=xdr.ContractEventV0(
            topics=[scval.to_symbol("error"), xdr.SCVal(xdr.SCValType.SCV_ERROR, error=error)],
            data=scval.to_string(words),
        ),
    )
    event = xdr.ContractEvent(
        ext=xdr.ExtensionPoint(0),
        contract_id=xdr.ContractID(xdr.Hash(contract_id)),
        type=xdr.ContractEventType.DIAGNOSTIC,
        body=body,
    )
    return xdr.DiagnosticEvent(in_successful_contract_call=False, event=event)
