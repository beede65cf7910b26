"""A chain to be fuzzed: accounts with KALE, a request's way through the dispatcher, and what must hold."""

import base64
import json
import time
from collections.abc import Iterable
from random import Random
from typing import Any

from stellar_sdk import Account, Asset, Keypair, TransactionBuilder, TransactionEnvelope, scval, xdr

from kale.addresses import contract_text
from kale.networks import LOCAL
from localnet.chain.chain import Chain, new_chain
from localnet.chain.chain_view import ChainView
from localnet.genesis import FAUCET
from localnet.ledger.accounts import find_account
from localnet.network_settings import MAINNET_SETTINGS, TOTAL_COINS_STROOPS
from localnet.rpc.jsonrpc import Dispatcher, UnreadableRequest
from localnet.rpc.methods import rpc_methods

START_TIME = 1_700_000_000
FARMERS = 24
#: Of the CPU, for one request or one ledger.
MAX_CPU_SECONDS = 1.0
#: Codes that a node documents; -32603 only with the one message that a client can cause.
CODES = frozenset({-32700, -32600, -32601, -32602, -32603})
CLIENTS_INTERNAL_ERROR = "could not query captive core: "
MAX_DIGITS = 1_000
KALE = Asset(LOCAL.asset_code, LOCAL.asset_issuer)


class World:
    """The chain, its farmers, and the faucet that nobody fuzzes."""

    def __init__(self, randomness: Random) -> None:
        self.randomness = randomness
        self.chain: Chain = new_chain(LOCAL, MAINNET_SETTINGS, START_TIME, retention_ledgers=200)
        self.dispatcher = Dispatcher(rpc_methods(ChainView(self.chain), "http://127.0.0.1:8000/friendbot"))
        self.farmers: list[Keypair] = []
        self.most_cpu_seconds = 0.0
        self.minted_stroops = 0
        self._kale_at_start = kale_stroops(self.chain)
        self.renew(FARMERS)

    # Requests

    def serve(self, body: bytes) -> Any:
        """The decoded answer; None for none. Fails for what no node answers."""
        began = time.thread_time()
        try:
            answer = self.dispatcher.serve(body)
        except UnreadableRequest:
            return None
        finally:
            self.most_cpu_seconds = max(self.most_cpu_seconds, time.thread_time() - began)
        if answer is None:
            return None
        decoded = json.loads(answer, parse_int=int_or_text)
        for one in decoded if isinstance(decoded, list) else [decoded]:
            check_answer(one)
        return decoded

    def call(self, method: str, **params: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        return self.serve(body.encode())

    def send(self, envelope: bytes) -> Any:
        return self.call("sendTransaction", transaction=base64.b64encode(envelope).decode())

    def simulate(self, envelope: bytes) -> Any:
        return self.call("simulateTransaction", transaction=base64.b64encode(envelope).decode())

    # Accounts

    def builder(self, source: Keypair, fee: int = 100) -> TransactionBuilder:
        """A transaction of `source` with the sequence number that is due, if the account is still there."""
        account = find_account(self.chain.state, source.raw_public_key())
        number = 0 if account is None else account.seq_num.sequence_number.int64
        builder = TransactionBuilder(Account(source.public_key, number), LOCAL.passphrase, fee)
        return builder.add_time_bounds(0, 0)

    def renew(self, count: int) -> None:
        """Replaces the oldest farmers: fuzzing locks, empties and merges accounts."""
        keys = [Keypair.from_raw_ed25519_seed(self.randomness.randbytes(32)) for _ in range(count)]
        self._include(self._funded_by_faucet(keys))
        lines = []
        for key in keys:
            line = self.builder(key).append_change_trust_op(KALE).build()
            line.sign(key)
            lines.append(line)
        self._include(lines)
        paying = self.builder(FAUCET)
        for key in keys:
            paying.append_payment_op(key.public_key, KALE, "1000")
        self._include([self._signed_by_faucet(paying)])
        self.farmers = [*self.farmers[count:], *keys] if len(self.farmers) >= FARMERS else keys

    def _funded_by_faucet(self, keys: Iterable[Keypair]) -> list[TransactionEnvelope]:
        creating = self.builder(FAUCET)
        for key in keys:
            creating.append_create_account_op(key.public_key, "1000")
        return [self._signed_by_faucet(creating)]

    def _signed_by_faucet(self, builder: TransactionBuilder) -> TransactionEnvelope:
        envelope = builder.build()
        envelope.sign(FAUCET)
        return envelope

    def _include(self, envelopes: Iterable[TransactionEnvelope]) -> None:
        for envelope in envelopes:
            answer = self.send(envelope.to_xdr_object().to_xdr_bytes())
            assert answer["result"]["status"] == "PENDING", answer
        self.close_ledger()
        assert all(applied.succeeded for applied in self.chain.latest.transactions)

    # What must hold

    def close_ledger(self) -> None:
        """Closes a ledger, and counts the KALE that its events mint and burn."""
        began = time.thread_time()
        ledger = self.chain.close_ledger()
        self.most_cpu_seconds = max(self.most_cpu_seconds, time.thread_time() - began)
        for applied in ledger.transactions:
            for events in applied.operation_events:
                self.minted_stroops += sum(map(_minted_stroops, events))

    def check(self) -> None:
        """XLM is conserved but for fees, KALE but for mint and burn; nothing took too long."""
        assert xlm_stroops(self.chain) + self.chain.latest.fee_pool_stroops == TOTAL_COINS_STROOPS
        assert kale_stroops(self.chain) == self._kale_at_start + self.minted_stroops
        assert self.most_cpu_seconds < MAX_CPU_SECONDS


def check_answer(answer: Any) -> None:
    """A JSON-RPC answer with a documented code."""
    assert answer["jsonrpc"] == "2.0", answer
    assert "id" in answer, answer
    assert ("result" in answer) != ("error" in answer), answer
    error = answer.get("error")
    if error is not None:
        assert error["code"] in CODES, answer
        assert isinstance(error["message"], str), answer
        internal = error["code"] == -32603
        assert not internal or error["message"].startswith(CLIENTS_INTERNAL_ERROR), answer


def xlm_stroops(chain: Chain) -> int:
    """All XLM that somebody has."""
    return sum(_native_stroops(entry.data) for entry in chain.state.entries().values())


def kale_stroops(chain: Chain) -> int:
    """All KALE that somebody has; the issuer has none."""
    return sum(_kale_stroops(entry.data) for entry in chain.state.entries().values())


def _native_stroops(data: xdr.LedgerEntryData) -> int:
    if data.account is not None:
        return data.account.balance.int64
    return _claimable_stroops(data, Asset.native()) + _contract_stroops(data, NATIVE_CONTRACT)


def _kale_stroops(data: xdr.LedgerEntryData) -> int:
    line = data.trust_line
    if line is not None:
        is_kale = line.asset.type is not xdr.AssetType.ASSET_TYPE_POOL_SHARE and (
            line.asset.to_xdr_bytes() == KALE.to_xdr_object().to_xdr_bytes()
        )
        return line.balance.int64 if is_kale else 0
    return _claimable_stroops(data, KALE) + _contract_stroops(data, LOCAL.asset_contract_id)


NATIVE_CONTRACT = Asset.native().contract_id(LOCAL.passphrase)


def _claimable_stroops(data: xdr.LedgerEntryData, asset: Asset) -> int:
    balance = data.claimable_balance
    if balance is None or balance.asset.to_xdr_bytes() != asset.to_xdr_object().to_xdr_bytes():
        return 0
    return balance.amount.int64


def _contract_stroops(data: xdr.LedgerEntryData, contract_id: str) -> int:
    """What a contract has in the asset contract's books."""
    entry = data.contract_data
    if entry is None or entry.contract.contract_id is None or entry.key.vec is None:
        return 0
    if contract_text(entry.contract.contract_id.contract_id.hash) != contract_id:
        return 0
    if entry.key.vec.sc_vec[0] != scval.to_symbol("Balance"):
        return 0
    amount: int = scval.to_native(entry.val)["amount"]  # type: ignore[index, call-overload, assignment]
    return amount


def _minted_stroops(event: Any) -> int:
    """What a KALE event adds to all the KALE there is."""
    if event.contract_id is None or contract_text(event.contract_id) != LOCAL.asset_contract_id:
        return 0
    name = scval.to_native(xdr.SCVal.from_xdr_bytes(event.topics[0]))
    if name not in ("mint", "burn", "clawback"):
        return 0
    data: Any = scval.to_native(xdr.SCVal.from_xdr_bytes(event.data))
    amount = int(data["amount"] if isinstance(data, dict) else data)
    return amount if name == "mint" else -amount


def int_or_text(digits: str) -> int | str:
    """A number, if it is one that Python reads."""
    return int(digits) if len(digits) < MAX_DIGITS else digits
