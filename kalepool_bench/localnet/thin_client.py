"""The least that a client must do: it joins XDR instead of building it, so that the chain is measured."""

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from stellar_sdk import xdr

from kale import calls
from kale.networks import LOCAL
from kalepool_bench.localnet.farmers import BenchFarmer
from localnet.ledger import wire

_NETWORK_ID: Final = hashlib.sha256(LOCAL.passphrase.encode()).digest()
_ENVELOPE: Final = wire.int32(xdr.EnvelopeType.ENVELOPE_TYPE_TX)
_SOURCE: Final = wire.int32(xdr.CryptoKeyType.KEY_TYPE_ED25519)
_NO_BOUNDS_NO_MEMO: Final = wire.int32(xdr.PreconditionType.PRECOND_NONE) + wire.int32(xdr.MemoType.MEMO_NONE)
_INVOKE: Final = wire.ABSENT + wire.int32(xdr.OperationType.INVOKE_HOST_FUNCTION)
_BASE_FEE_STROOPS: Final = 100


class BenchFailed(Exception):
    """The localnet did not do what the bench wanted to measure; the text is its answer."""


class ThinClient:
    """JSON-RPC and transactions of farmers; `async with` opens its connections."""

    def __init__(self, rpc_url: str, connections: int) -> None:
        self._rpc_url = rpc_url
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"ThinClient({self._rpc_url})"

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=self._connections))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def ask(self, method: str, **params: object) -> Any:
        """A method's result. Raises BenchFailed."""
        assert self._session is not None, "the client is inside `async with`"
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with self._session.post(self._rpc_url, json=request) as response:
            answer = await response.json()
        if "result" not in answer:
            raise BenchFailed(f"{method}: {answer}")
        return answer["result"]

    async def plant(self, farmer: BenchFarmer, stake_stroops: int) -> str:
        """Simulates, signs and sends; the transaction's hash."""
        return await self._call(farmer, calls.plant(LOCAL.farm_contract_id, farmer.address, stake_stroops))

    async def propose_plant(self, farmer: BenchFarmer, stake_stroops: int) -> "Proposal":
        """Simulates a plant; `send_like` sends it for any farmer."""
        function = calls.plant(LOCAL.farm_contract_id, farmer.address, stake_stroops)
        return await self._propose(farmer, function)

    async def send_like(self, proposal: "Proposal", farmer: BenchFarmer) -> str:
        """Signs and sends what was proposed for another farmer, whose key is replaced by this one's."""
        return await self._send(farmer, proposal.of(farmer))

    async def work(self, farmer: BenchFarmer, hash: bytes, nonce: int) -> str:
        return await self._call(farmer, calls.work(LOCAL.farm_contract_id, farmer.address, hash, nonce))

    async def harvest(self, farmer: BenchFarmer, index: int) -> str:
        return await self._call(farmer, calls.harvest(LOCAL.farm_contract_id, farmer.address, index))

    async def require_success(self, transaction_hash: str) -> None:
        """Fetches a result. Raises BenchFailed if it is not a success."""
        found = await self.ask("getTransaction", hash=transaction_hash)
        if found["status"] != "SUCCESS":
            raise BenchFailed(f"transaction {transaction_hash}: {found}")

    async def _call(self, farmer: BenchFarmer, function: xdr.HostFunction) -> str:
        return await self._send(farmer, await self._propose(farmer, function))

    async def _propose(self, farmer: BenchFarmer, function: xdr.HostFunction) -> "Proposal":
        invocation = _INVOKE + function.to_xdr_bytes()
        asked = Proposal(farmer.public_key, _BASE_FEE_STROOPS, invocation + wire.array(()), wire.int32(0))
        envelope = _text(_ENVELOPE + asked.body(farmer.sequence + 1) + wire.array(()))
        simulated = await self.ask("simulateTransaction", transaction=envelope, useUpgradedAuth=True)
        if "error" in simulated:
            raise BenchFailed(f"simulateTransaction: {simulated['error']}")
        auth = wire.array(map(b64decode, simulated["results"][0]["auth"]))
        extension = wire.int32(1) + b64decode(simulated["transactionData"])
        fee = _BASE_FEE_STROOPS + int(simulated["minResourceFee"])
        return Proposal(farmer.public_key, fee, invocation + auth, extension)

    async def _send(self, farmer: BenchFarmer, proposal: "Proposal") -> str:
        body = proposal.body(farmer.sequence + 1)
        content_hash = hashlib.sha256(_NETWORK_ID + _ENVELOPE + body).digest()
        signature = farmer.public_key[-4:] + wire.opaque(farmer.sign(content_hash))
        sent = await self.ask(
            "sendTransaction", transaction=_text(_ENVELOPE + body + wire.array([signature]))
        )
        if sent["status"] != "PENDING":
            raise BenchFailed(f"sendTransaction: {sent}")
        farmer.sequence += 1
        return str(sent["hash"])


@dataclass(frozen=True)
class Proposal:
    """A transaction of one operation before it has a sequence number; `operation` and `extension` are XDR."""

    source: bytes
    fee_stroops: int
    operation: bytes
    extension: bytes

    def body(self, sequence: int) -> bytes:
        """XDR `Transaction`."""
        return (
            _SOURCE
            + self.source
            + wire.uint32(self.fee_stroops)
            + wire.int64(sequence)
            + _NO_BOUNDS_NO_MEMO
            + wire.array([self.operation])
            + self.extension
        )

    def of(self, farmer: BenchFarmer) -> "Proposal":
        """The same for another farmer: the order of keys in a footprint is free."""
        operation, extension = (
            part.replace(self.source, farmer.public_key) for part in (self.operation, self.extension)
        )
        return Proposal(farmer.public_key, self.fee_stroops, operation, extension)


def _text(encoded: bytes) -> str:
    return b64encode(encoded).decode("ascii")
