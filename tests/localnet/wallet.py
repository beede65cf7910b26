"""An account that a test acts with, through the unmodified SDK."""

from dataclasses import dataclass

from stellar_sdk import (
    Asset,
    FeeBumpTransactionEnvelope,
    InvokeHostFunction,
    Keypair,
    TransactionBuilder,
    TransactionEnvelope,
    scval,
    xdr,
)
from stellar_sdk.soroban_rpc import GetTransactionResponse, SendTransactionResponse
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale.storage import trustline_key
from localnet.testing import NodeHandle


@dataclass(frozen=True)
class Outcome:
    """A transaction that is in a ledger, decoded."""

    response: GetTransactionResponse
    result: xdr.TransactionResult
    meta: xdr.TransactionMetaV4

    @property
    def succeeded(self) -> bool:
        return self.response.status.value == "SUCCESS"

    @property
    def value(self) -> xdr.SCVal:
        assert self.meta.soroban_meta is not None
        assert self.meta.soroban_meta.return_value is not None
        return self.meta.soroban_meta.return_value

    @property
    def last_words(self) -> tuple[str, list[object]]:
        """The message of the last diagnostic event, which must be an error, and what it is about."""
        last = self.meta.diagnostic_events[-1]
        assert not last.in_successful_contract_call
        assert last.event.body.v0 is not None
        assert last.event.body.v0.topics[0] == scval.to_symbol("error")
        message, *values = scval.from_vec(last.event.body.v0.data)
        return scval.from_string(message).decode(), [scval.to_native(value) for value in values]

    @property
    def invocation_code(self) -> int:
        assert self.result.result.results is not None
        inner = self.result.result.results[0].tr
        assert inner is not None
        assert inner.invoke_host_function_result is not None
        return inner.invoke_host_function_result.code


class Wallet:
    """One key on one node; closes the ledgers that it waits for."""

    def __init__(self, node: NodeHandle, rpc: SorobanServerAsync, key: Keypair) -> None:
        self.node = node
        self.rpc = rpc
        self.key = key
        self.address = key.public_key
        self.asset = Asset(node.network.asset_code, node.network.asset_issuer)

    @classmethod
    async def funded(cls, node: NodeHandle, rpc: SorobanServerAsync, kale: str | None = None) -> "Wallet":
        """A new account with 10,000 XLM, and with KALE if asked for; the faucet pays both."""
        wallet = cls(node, rpc, Keypair.random())
        faucet = cls(node, rpc, node.faucet)
        await faucet.apply((await faucet.builder()).append_create_account_op(wallet.address, "10000"))
        if kale is not None:
            await wallet.apply((await wallet.builder()).append_change_trust_op(wallet.asset))
            paying = (await faucet.builder()).append_payment_op(wallet.address, wallet.asset, kale)
            await faucet.apply(paying)
        return wallet

    async def builder(self, fee: int = 100) -> TransactionBuilder:
        account = await self.rpc.load_account(self.address)
        return TransactionBuilder(account, self.node.network.passphrase, fee).add_time_bounds(0, 0)

    def signed(self, builder: TransactionBuilder) -> TransactionEnvelope:
        envelope = builder.build()
        envelope.sign(self.key)
        return envelope

    async def prepared(self, function: xdr.HostFunction) -> TransactionEnvelope:
        """A call, simulated, with its resources, signed."""
        builder = (await self.builder()).append_operation(InvokeHostFunction(function))
        envelope = await self.rpc.prepare_transaction(builder.build())
        envelope.sign(self.key)
        return envelope

    async def call(self, function: xdr.HostFunction) -> Outcome:
        return await self.include(await self.prepared(function))

    async def apply(self, builder: TransactionBuilder) -> Outcome:
        return await self.include(self.signed(builder))

    async def send(
        self, envelope: TransactionEnvelope | FeeBumpTransactionEnvelope
    ) -> SendTransactionResponse:
        return await self.rpc.send_transaction(envelope)

    async def include(self, envelope: TransactionEnvelope | FeeBumpTransactionEnvelope) -> Outcome:
        """Sends the transaction, closes a ledger and reads what became of it."""
        sent = await self.send(envelope)
        assert sent.status.value == "PENDING", describe_refusal(sent)
        self.node.close_ledgers()
        return await self.outcome(sent.hash)

    async def kale_balance(self) -> int:
        """Stroops on the wallet's trustline."""
        network = self.node.network
        key = trustline_key(network.asset_code, network.asset_issuer, self.address)
        found = await self.rpc.get_ledger_entries([key])
        assert found.entries
        line = xdr.LedgerEntryData.from_xdr(found.entries[0].xdr).trust_line
        assert line is not None
        return line.balance.int64

    async def outcome(self, transaction_hash: str) -> Outcome:
        found = await self.rpc.get_transaction(transaction_hash)
        assert found.result_xdr is not None
        assert found.result_meta_xdr is not None
        meta = xdr.TransactionMeta.from_xdr(found.result_meta_xdr)
        assert meta.v4 is not None
        assert meta.to_xdr() == found.result_meta_xdr
        return Outcome(found, xdr.TransactionResult.from_xdr(found.result_xdr), meta.v4)


async def payment(wallet: Wallet, fee: int = 100) -> TransactionEnvelope:
    """One XLM to oneself, signed and not yet sent."""
    builder = await wallet.builder(fee)
    return wallet.signed(builder.append_payment_op(wallet.address, Asset.native(), "1"))


def describe_refusal(sent: SendTransactionResponse) -> str:
    if sent.error_result_xdr is None:
        return sent.status.value
    return f"{sent.status.value} {refusal_code(sent).name}"


def refusal_code(sent: SendTransactionResponse) -> xdr.TransactionResultCode:
    """Why a transaction was not let into the queue."""
    assert sent.status.value == "ERROR"
    assert sent.error_result_xdr is not None
    return xdr.TransactionResult.from_xdr(sent.error_result_xdr).result.code
