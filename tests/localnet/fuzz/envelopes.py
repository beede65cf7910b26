"""Envelopes of every kind: sound ones, sound ones with one thing changed, and random ones."""

import hashlib
from collections.abc import Callable
from random import Random

from stellar_sdk import Keypair, StrKey, scval, xdr
from stellar_sdk.auth import authorize_entry
from stellar_sdk.xdr import OperationType

from kale.addresses import sc_address
from kale.networks import LOCAL
from localnet.genesis import FAUCET, ISSUER
from localnet.ledger.accounts import find_account
from tests.localnet.fuzz.random_xdr import RandomStructures
from tests.localnet.fuzz.world import NATIVE_CONTRACT, World

CONTRACTS = tuple(
    contract
    for contract in (
        LOCAL.farm_contract_id,
        LOCAL.asset_contract_id,
        NATIVE_CONTRACT,
        LOCAL.tractor_contract_id,
    )
    if contract is not None
)
FUNCTIONS: dict[str, tuple[str, ...]] = {
    "plant": ("address", "amount"),
    "work": ("address", "hash", "nonce"),
    "harvest": ("address", "index"),
    "harvest_many": ("address", "indexes"),
    "transfer": ("address", "address", "amount"),
    "transfer_from": ("address", "address", "address", "amount"),
    "approve": ("address", "address", "amount", "index"),
    "burn": ("address", "amount"),
    "burn_from": ("address", "address", "amount"),
    "mint": ("address", "amount"),
    "clawback": ("address", "amount"),
    "set_authorized": ("address", "flag"),
    "authorized": ("address",),
    "set_admin": ("address",),
    "allowance": ("address", "address"),
    "balance": ("address",),
    "name": (),
    "admin": (),
    "trust": ("address",),
    "__constructor": ("address",),
}
#: The tractor's function has the name of one of the farm's.
_CONTRACT_NAMES = {"harvest_many": "harvest"}
_CONTRACTS_OF = {
    "plant": CONTRACTS[:1],
    "work": CONTRACTS[:1],
    "harvest": CONTRACTS[:1],
    "harvest_many": CONTRACTS[3:],
    **dict.fromkeys(("transfer", "approve", "burn", "balance", "allowance"), CONTRACTS[1:3]),
}
_ALWAYS_KNOWN = (
    *map(StrKey.decode_contract, CONTRACTS),
    ISSUER.raw_public_key(),
    FAUCET.raw_public_key(),
    bytes(32),
)
_INVOCATIONS = (
    OperationType.INVOKE_HOST_FUNCTION,
    OperationType.EXTEND_FOOTPRINT_TTL,
    OperationType.RESTORE_FOOTPRINT,
)


class RandomEnvelopes:
    """Makes envelopes for a world. Most are signed and numbered so that they get as far as they can."""

    def __init__(self, world: World, randomness: Random) -> None:
        self._world = world
        self._randomness = randomness
        self._structures = RandomStructures(randomness, self._known_bytes())
        self._makers: list[tuple[Callable[[Keypair], bytes], int]] = [
            (self._contract_call, 30),
            (self._classic, 35),
            (self._lifetime_operation, 8),
            (self._random_invocation, 7),
            (self._fee_bump, 8),
            (self._random, 5),
            (self._damaged, 7),
        ]

    def make(self, source: Keypair) -> bytes:
        self._structures = RandomStructures(self._randomness, self._known_bytes())
        makers, weights = zip(*self._makers, strict=True)
        return bytes(self._randomness.choices(makers, weights)[0](source))

    # Kinds

    def _contract_call(self, source: Keypair) -> bytes:
        """A call with what its simulation says, or with something else."""
        operation = self._call_operation(source)
        call = operation.body.invoke_host_function_op
        assert call is not None
        transaction = self._transaction(source, [operation])
        answer = self._world.simulate(self._sealed(transaction, []))
        result = answer.get("result", {})
        if "transactionData" in result:
            data = xdr.SorobanTransactionData.from_xdr(result["transactionData"])
            transaction.ext = xdr.TransactionExt(1, self._changed_data(data))
            transaction.fee = xdr.Uint32(min(int(result["minResourceFee"]) + 10_000, 2**32 - 1))
            if "results" in result and self._chance(0.9):
                call.auth = [self._authorized(text) for text in result["results"][0]["auth"]]
        else:
            self._add_resources(transaction)
        return self._signed(transaction, source)

    def _classic(self, source: Keypair) -> bytes:
        count = self._randomness.choices((1, 2, 3, 6), (60, 20, 15, 5))[0]
        operations = [self._classic_operation() for _ in range(count)]
        if self._chance(0.15):
            operations = self._sponsored(operations, source)
        return self._signed(self._transaction(source, operations), source)

    def _lifetime_operation(self, source: Keypair) -> bytes:
        kind = self._randomness.choice(_INVOCATIONS[1:])
        body = self._body(kind)
        transaction = self._transaction(source, [xdr.Operation(None, body)])
        self._add_resources(transaction)
        data = transaction.ext.soroban_data
        assert data is not None
        if self._chance(0.9):
            restores = kind is OperationType.RESTORE_FOOTPRINT
            keys = self._known_keys(contracts_only=self._chance(0.9))
            data.resources.footprint.read_write = keys if restores else []
            data.resources.footprint.read_only = [] if restores else keys
        return self._signed(transaction, source)

    def _random_invocation(self, source: Keypair) -> bytes:
        """Uploads, creations and calls of nothing known."""
        body = self._body(OperationType.INVOKE_HOST_FUNCTION)
        transaction = self._transaction(source, [xdr.Operation(None, body)])
        self._add_resources(transaction)
        return self._signed(transaction, source)

    def _fee_bump(self, source: Keypair) -> bytes:
        inner = xdr.TransactionEnvelope.from_xdr_bytes(
            self._randomness.choice((self._classic, self._contract_call))(source)
        )
        payer = self._randomness.choice(self._world.farmers)
        assert inner.v1 is not None
        bump = xdr.FeeBumpTransaction(
            fee_source=payer.xdr_muxed_account(),
            fee=xdr.Int64(self._randomness.choice((0, 199, 400, 10**6, 10**9, -1, 2**63 - 1))),
            inner_tx=xdr.FeeBumpTransactionInnerTx(xdr.EnvelopeType.ENVELOPE_TYPE_TX, inner.v1),
            ext=xdr.FeeBumpTransactionExt(0),
        )
        payload = xdr.TransactionSignaturePayloadTaggedTransaction(
            xdr.EnvelopeType.ENVELOPE_TYPE_TX_FEE_BUMP, fee_bump=bump
        )
        envelope = xdr.FeeBumpTransactionEnvelope(
            bump, [payer.sign_decorated(self._hash(payload)).to_xdr_object()]
        )
        return xdr.TransactionEnvelope(
            xdr.EnvelopeType.ENVELOPE_TYPE_TX_FEE_BUMP, fee_bump=envelope
        ).to_xdr_bytes()

    def _random(self, _: Keypair) -> bytes:
        return self._structures.make(xdr.TransactionEnvelope).to_xdr_bytes()

    def _damaged(self, source: Keypair) -> bytes:
        """Bytes of a good envelope, changed, cut, repeated or lengthened."""
        good = bytearray(self._randomness.choice((self._classic, self._contract_call))(source))
        for _ in range(self._randomness.randint(1, 4)):
            place = self._randomness.randrange(len(good) // 4 + 1) * 4
            how = self._randomness.randrange(5)
            if how == 0 and good:
                good[min(place, len(good) - 1)] ^= 1 << self._randomness.randrange(8)
            elif how == 1:
                good[place : place + 4] = self._randomness.choice(
                    (b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(4))
                )
            elif how == 2:
                good[place:place] = good[place : place + 4 * self._randomness.randint(1, 20)]
            elif how == 3:
                del good[place : place + self._randomness.randint(1, 16)]
            else:
                good = good[: max(8, place)]
        return bytes(good)

    # Parts

    def _known_bytes(self) -> list[bytes]:
        """Keys and hashes that mean something on this chain."""
        return [*(key.raw_public_key() for key in self._world.farmers[:6]), *_ALWAYS_KNOWN]

    def _known_keys(self, *, contracts_only: bool = False) -> list[xdr.LedgerKey]:
        """Some keys that are in the ledger, now and then one that is not."""
        stored = list(self._world.chain.state.entries())
        if contracts_only:
            kinds = (xdr.LedgerEntryType.CONTRACT_DATA, xdr.LedgerEntryType.CONTRACT_CODE)
            stored = [key for key in stored if int.from_bytes(key[:4], "big") in kinds]
        chosen = self._randomness.sample(stored, self._randomness.randint(0, min(4, len(stored))))
        keys = [xdr.LedgerKey.from_xdr_bytes(key) for key in chosen]
        if self._chance(0.1):
            keys.append(self._structures.make(xdr.LedgerKey))
        return keys

    def _call_operation(self, caller: Keypair) -> xdr.Operation:
        name = self._randomness.choice(list(FUNCTIONS))
        arguments = [self._argument(kind, caller) for kind in FUNCTIONS[name]]
        if self._chance(0.15):
            arguments.append(self._structures.make(xdr.SCVal))
        if arguments and self._chance(0.25):
            arguments[self._randomness.randrange(len(arguments))] = self._value()
        if arguments and self._chance(0.05):
            arguments.pop()
        contract = self._randomness.choice(_CONTRACTS_OF.get(name, CONTRACTS))
        if self._chance(0.1):
            contract = self._randomness.choice(CONTRACTS)
        function = xdr.HostFunction(
            xdr.HostFunctionType.HOST_FUNCTION_TYPE_INVOKE_CONTRACT,
            invoke_contract=xdr.InvokeContractArgs(
                sc_address(contract), xdr.SCSymbol(_CONTRACT_NAMES.get(name, name).encode()), arguments
            ),
        )
        auth = []
        if self._chance(0.15):
            auth = [self._structures.make(xdr.SorobanAuthorizationEntry)]
        source = (
            self._randomness.choice(self._world.farmers).xdr_muxed_account() if self._chance(0.05) else None
        )
        call = xdr.InvokeHostFunctionOp(function, auth)
        return xdr.Operation(
            source, xdr.OperationBody(OperationType.INVOKE_HOST_FUNCTION, invoke_host_function_op=call)
        )

    def _authorized(self, text: str) -> xdr.SorobanAuthorizationEntry:
        """An entry as the simulation recorded it, mostly signed if its signer is a farmer."""
        entry = xdr.SorobanAuthorizationEntry.from_xdr(text)
        credentials = entry.credentials.address
        signer = None if credentials is None else credentials.address.account_id
        if signer is None or signer.account_id.ed25519 is None:
            return entry
        for key in self._world.farmers:
            if signer.account_id.ed25519.uint256 == key.raw_public_key() and self._chance(0.8):
                until = self._world.chain.latest.sequence + self._randomness.choice((0, 1, 50, 4_000_000))
                return authorize_entry(entry, key, until, LOCAL.passphrase)
        return entry

    def _argument(self, kind: str, caller: Keypair) -> xdr.SCVal:
        if kind == "address" and self._chance(0.5):
            return scval.to_address(caller.public_key)
        if kind == "address":
            farmer = self._randomness.choice(self._world.farmers).public_key
            return scval.to_address(self._randomness.choice((farmer, farmer, *CONTRACTS, ISSUER.public_key)))
        if kind == "amount":
            amounts = (1, 10**7, 0, -1, 10**10, 2**63 - 1, 2**63, 2**127 - 1, -(2**127))
            weights = (40, 30, 5, 5, 5, 5, 5, 3, 2)
            return scval.to_int128(self._randomness.choices(amounts, weights)[0])
        if kind == "hash":
            return scval.to_bytes(
                self._randomness.choice((bytes(32), self._randomness.randbytes(32), b"", bytes(31)))
            )
        if kind == "nonce":
            return scval.to_uint64(self._randomness.choice((0, 1, 2**64 - 1)))
        if kind == "flag":
            return scval.to_bool(self._chance(0.5))
        if kind == "indexes":
            return scval.to_vec(
                [self._argument("index", caller) for _ in range(self._randomness.choice((0, 1, 3)))]
            )
        return scval.to_uint32(self._randomness.choice((0, 1, 2, 1_000, 2**32 - 1)))

    def _value(self) -> xdr.SCVal:
        """A value of any type; now and then one that is nested deep."""
        if self._chance(0.1):
            value = scval.to_uint32(1)
            for _ in range(self._randomness.choice((10, 60, 95, 99, 150))):
                value = (
                    scval.to_vec([value]) if self._chance(0.7) else scval.to_map({scval.to_uint32(1): value})
                )
            return value
        return self._structures.make(xdr.SCVal)

    def _classic_operation(self) -> xdr.Operation:
        kinds = [kind for kind in OperationType if kind not in _INVOCATIONS]
        source = (
            self._randomness.choice(self._world.farmers).xdr_muxed_account() if self._chance(0.15) else None
        )
        return xdr.Operation(source, self._body(self._randomness.choice(kinds)))

    def _sponsored(self, operations: list[xdr.Operation], source: Keypair) -> list[xdr.Operation]:
        """The operations between the begin and the end of a sponsorship."""
        sponsor = self._randomness.choice(self._world.farmers)
        begin = self._body(OperationType.BEGIN_SPONSORING_FUTURE_RESERVES)
        assert begin.begin_sponsoring_future_reserves_op is not None
        begin.begin_sponsoring_future_reserves_op.sponsored_id = source.xdr_account_id()
        end = xdr.Operation(None, self._body(OperationType.END_SPONSORING_FUTURE_RESERVES))
        return [xdr.Operation(sponsor.xdr_muxed_account(), begin), *operations, end]

    def _body(self, kind: OperationType) -> xdr.OperationBody:
        return self._structures.make(xdr.OperationBody, kind)

    def _transaction(self, source: Keypair, operations: list[xdr.Operation]) -> xdr.Transaction:
        account = find_account(self._world.chain.state, source.raw_public_key())
        number = 0 if account is None else account.seq_num.sequence_number.int64
        numbers = (number + 1, number, number + 2, 2**63 - 1, -1)
        return xdr.Transaction(
            source_account=source.xdr_muxed_account(),
            fee=xdr.Uint32(
                self._randomness.choices((100 * len(operations), 10_000, 0, 2**32 - 1), (60, 35, 3, 2))[0]
            ),
            seq_num=xdr.SequenceNumber(xdr.Int64(self._randomness.choices(numbers, (94, 2, 2, 1, 1))[0])),
            cond=self._structures.make(xdr.Preconditions)
            if self._chance(0.08)
            else xdr.Preconditions(xdr.PreconditionType.PRECOND_NONE),
            memo=self._structures.make(xdr.Memo) if self._chance(0.1) else xdr.Memo(xdr.MemoType.MEMO_NONE),
            operations=operations,
            ext=xdr.TransactionExt(0),
        )

    def _changed_data(self, data: xdr.SorobanTransactionData) -> xdr.SorobanTransactionData:
        footprint = data.resources.footprint
        how = self._randomness.randrange(12)
        if how == 0 and footprint.read_write:
            footprint.read_write.pop()
        elif how == 1 and footprint.read_only:
            footprint.read_only.pop()
        elif how == 2:
            footprint.read_only, footprint.read_write = footprint.read_write, footprint.read_only
        elif how == 3:
            footprint.read_write += self._known_keys()
        elif how == 4:
            data.resources.instructions = xdr.Uint32(self._randomness.choice((0, 1_000, 2**32 - 1)))
        elif how == 5:
            data.resources.write_bytes = xdr.Uint32(self._randomness.choice((0, 100)))
        elif how == 6:
            data.resource_fee = xdr.Int64(self._randomness.choice((0, -1, 20_000, 2**50 + 1)))
        elif how == 7:
            archived = [xdr.Uint32(self._randomness.choice((0, 1, 5)))]
            data.ext = xdr.SorobanTransactionDataExt(1, xdr.SorobanResourcesExtV0(archived))
        return data

    def _add_resources(self, transaction: xdr.Transaction) -> None:
        """Resources that are enough for most, or random ones."""
        data = self._structures.make(xdr.SorobanTransactionData)
        transaction.ext = xdr.TransactionExt(1, data)
        if self._chance(0.1):
            return
        resources = data.resources
        resources.footprint.read_only = self._known_keys()
        resources.footprint.read_write = self._known_keys()
        resources.instructions = xdr.Uint32(10_000_000)
        resources.disk_read_bytes = resources.write_bytes = xdr.Uint32(20_000)
        data.resource_fee = xdr.Int64(50_000_000)
        transaction.fee = xdr.Uint32(50_010_000)
        if self._chance(0.9):
            data.ext = xdr.SorobanTransactionDataExt(0)

    def _signed(self, transaction: xdr.Transaction, source: Keypair) -> bytes:
        payload = xdr.TransactionSignaturePayloadTaggedTransaction(
            xdr.EnvelopeType.ENVELOPE_TYPE_TX, tx=transaction
        )
        digest = self._hash(payload)
        farmers = {key.raw_public_key(): key for key in self._world.farmers}
        signers = {source.raw_public_key(): source}
        for operation in transaction.operations:
            ed25519 = None if operation.source_account is None else operation.source_account.ed25519
            if ed25519 is not None and ed25519.uint256 in farmers:
                signers[ed25519.uint256] = farmers[ed25519.uint256]
        if self._chance(0.03):
            signers[b""] = self._randomness.choice(self._world.farmers)
        signatures = [key.sign_decorated(digest).to_xdr_object() for key in signers.values()]
        if self._chance(0.03):
            signatures = signatures[1:]
        return self._sealed(transaction, signatures)

    def _sealed(self, transaction: xdr.Transaction, signatures: list[xdr.DecoratedSignature]) -> bytes:
        return xdr.TransactionEnvelope(
            xdr.EnvelopeType.ENVELOPE_TYPE_TX, v1=xdr.TransactionV1Envelope(transaction, signatures)
        ).to_xdr_bytes()

    def _hash(self, tagged: xdr.TransactionSignaturePayloadTaggedTransaction) -> bytes:
        payload = xdr.TransactionSignaturePayload(xdr.Hash(self._world.chain.network_id), tagged)
        return hashlib.sha256(payload.to_xdr_bytes()).digest()

    def _chance(self, probability: float) -> bool:
        return self._randomness.random() < probability
