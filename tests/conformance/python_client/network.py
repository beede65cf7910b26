"""The network under test as the scenarios use it: accounts, transactions, and the outcomes that are told."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from stellar_sdk import (
    Asset,
    FeeBumpTransactionEnvelope,
    Keypair,
    TransactionBuilder,
    TransactionEnvelope,
    xdr,
)
from stellar_sdk.exceptions import SorobanRpcErrorResponse
from stellar_sdk.soroban_rpc import GetTransactionResponse, SendTransactionResponse
from stellar_sdk.soroban_server_async import SorobanServerAsync

from tests.conformance.python_client.results import describe_result

Envelope = TransactionEnvelope | FeeBumpTransactionEnvelope

_POLL_SECONDS = 0.05
_ATTEMPTS = 400
STROOPS = 10_000_000


@dataclass(frozen=True)
class Applied:
    """A transaction that is in a ledger, decoded."""

    response: GetTransactionResponse
    result: xdr.TransactionResult
    meta: xdr.TransactionMeta

    @property
    def return_value(self) -> xdr.SCVal:
        assert self.meta.v4 is not None
        assert self.meta.v4.soroban_meta is not None
        assert self.meta.v4.soroban_meta.return_value is not None
        return self.meta.v4.soroban_meta.return_value


class LocalNetwork:
    """A client's connection and the keys that the scenarios act with.

    Farmers have 10,000 XLM and 1,000 KALE; the carrier has XLM alone, and pays for what others have signed.
    """

    def __init__(self, server: SorobanServerAsync, description: dict[str, str]) -> None:
        self.server = server
        self.passphrase = description["passphrase"]
        self.friendbot_url = description["friendbotUrl"]
        self.farm = description["farm"]
        self.asset = Asset(description["assetCode"], description["assetIssuer"])
        self.asset_contract = description["assetContract"]
        self.faucet = Keypair.from_secret(description["faucetSecret"])
        self.farmer, self.legacy_farmer, self.bound_farmer, self.carrier = (
            Keypair.random() for _ in range(4)
        )
        self.archived_holder = description["archivedHolder"]
        self.dormant_holder = description["dormantHolder"]
        self.worked_index = 0

    async def fund_everybody(self) -> None:
        farmers = (self.farmer, self.legacy_farmer, self.bound_farmer)
        for key in (*farmers, self.carrier):
            await self.friendbot(key.public_key)
        for key in farmers:
            await self.include(self.signed((await self.builder(key)).append_change_trust_op(self.asset), key))
        paying = await self.builder(self.faucet)
        for key in farmers:
            paying.append_payment_op(key.public_key, self.asset, "1000")
        await self.include(self.signed(paying, self.faucet))

    # Outcomes

    def report(self, case: str, outcome: dict[str, Any]) -> None:
        print(json.dumps({"id": case, "outcome": outcome}), flush=True)

    async def report_error(self, case: str, asking: Awaitable[object]) -> None:
        """The JSON-RPC error that a request ends with."""
        try:
            await asking
        except SorobanRpcErrorResponse as error:
            self.report(case, {"code": error.code, "message": error.message})
        else:
            self.report(case, {"code": 0, "message": "no error"})

    # Requests

    async def friendbot(self, address: str) -> tuple[int, dict[str, Any]]:
        """Status and body of the friendbot's answer; the SDK has no call for it."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.friendbot_url, params={"addr": address}) as answer,
        ):
            return answer.status, await answer.json(content_type=None)

    async def next_ledger(self) -> int:
        """Waits until a ledger has closed; its sequence."""
        before = (await self.server.get_latest_ledger()).sequence
        return await self.ledger_at(before + 1)

    async def ledger_at(self, sequence: int) -> int:
        """Waits until that ledger has closed; the latest one's sequence."""
        for _ in range(_ATTEMPTS):
            latest = (await self.server.get_latest_ledger()).sequence
            if latest >= sequence:
                return latest
            await asyncio.sleep(_POLL_SECONDS)
        raise TimeoutError(f"ledger {sequence} did not close")

    # Transactions

    async def builder(self, source: Keypair, fee: int = 100, ahead: int = 0) -> TransactionBuilder:
        """A transaction without time bounds; `ahead` leaves that many sequence numbers out."""
        account = await self.server.load_account(source.public_key)
        account.sequence += ahead
        return TransactionBuilder(account, self.passphrase, fee).add_time_bounds(0, 0)

    def signed(self, builder: TransactionBuilder, *keys: Keypair) -> TransactionEnvelope:
        envelope = builder.build()
        for key in keys:
            envelope.sign(key)
        return envelope

    async def payment(self, source: Keypair, ahead: int = 0) -> TransactionBuilder:
        """A transaction that pays one XLM to its own source."""
        builder = await self.builder(source, ahead=ahead)
        return builder.append_payment_op(source.public_key, Asset.native(), "1")

    async def include(self, envelope: Envelope) -> Applied:
        """Sends a transaction that the queue takes in and waits for its ledger."""
        sent = await self.server.send_transaction(envelope)
        assert sent.status.value == "PENDING", describe_sent(sent)
        return await self.applied(sent.hash)

    async def applied(self, hash_hex: str) -> Applied:
        """Waits until a transaction is in a ledger."""
        for _ in range(_ATTEMPTS):
            found = await self.server.get_transaction(hash_hex)
            if found.status.value != "NOT_FOUND":
                assert found.result_xdr is not None
                assert found.result_meta_xdr is not None
                return Applied(
                    found,
                    xdr.TransactionResult.from_xdr(found.result_xdr),
                    xdr.TransactionMeta.from_xdr(found.result_meta_xdr),
                )
            await asyncio.sleep(_POLL_SECONDS)
        raise TimeoutError(f"transaction {hash_hex} was not included")

    async def sent_in_one_ledger(
        self, attempt: Callable[[], Awaitable[Sequence[SendTransactionResponse]]]
    ) -> Sequence[SendTransactionResponse]:
        """The answers to transactions between which no ledger closed; tried until it is so."""
        for _ in range(_ATTEMPTS):
            answers = await attempt()
            if len({answer.latest_ledger for answer in answers}) == 1:
                return answers
            await self.applied(answers[0].hash)
        raise TimeoutError("ledgers close faster than two transactions are sent")


def describe_sent(sent: SendTransactionResponse) -> dict[str, Any]:
    """The status, what the error result says, and how many diagnostic events say why."""
    described: dict[str, Any] = {"status": sent.status.value}
    if sent.error_result_xdr is not None:
        described |= describe_result(xdr.TransactionResult.from_xdr(sent.error_result_xdr))
    if sent.diagnostic_events_xdr is not None:
        events = map(xdr.DiagnosticEvent.from_xdr, sent.diagnostic_events_xdr)
        described["diagnosticEvents"] = sum(not event.in_successful_contract_call for event in events)
    return described
