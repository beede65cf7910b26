"""What a few farmers do at random: each move is one signed transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256

from stellar_sdk import (
    Asset,
    AuthorizationFlag,
    InvokeHostFunction,
    Keypair,
    Signer,
    TransactionBuilder,
    TransactionEnvelope,
    TrustLineFlags,
    scval,
    xdr,
)
from stellar_sdk.operation import SetOptions

from kale import calls
from kale.addresses import address_value
from kale.networks import LOCAL
from kale.storage import pail_key
from localnet.genesis import FAUCET, ISSUER
from localnet.rivals import farm_calls
from localnet.rivals.pricing import Needed
from localnet.rivals.sight import Sight
from localnet.rivals.wallet import Call
from localnet.transactions.envelopes import decode_envelope
from localnet.transactions.simulation import SimulationError, SimulationOptions, Simulator
from tests.localnet.play import KALE, AnyEnvelope, Play, encoded, signed

FARMERS = tuple(Keypair.from_raw_ed25519_seed(sha256(bytes([number])).digest()) for number in range(4))
_NOBODY = Keypair.from_raw_ed25519_seed(sha256(b"nobody").digest()).public_key
_RESOURCES = Needed(40_000_000, 8_192, 8_192, 20_000_000)
_STARVED = Needed(40_000_000, 8_192, 100, 20_000_000)


@dataclass(frozen=True)
class Move:
    """One farmer's move: what kind, who else is meant, how much, and who pays the fee if not the farmer."""

    kind: str
    farmer: int
    other: int
    number: int
    payer: int | None


def transaction(play: Play, move: Move) -> AnyEnvelope | None:
    """The move as a signed transaction; None if its farmer has no account, or a simulation fails."""
    farmer, other = FARMERS[move.farmer], FARMERS[move.other]
    if not play.exists(farmer):
        return None
    if move.kind in _CALLS:
        envelope = _call(play, move, farmer)
    elif move.kind in _TOKEN_CALLS:
        called = _simulated(play, farmer, _token_call(move, farmer, other))
        if called is None:
            return None
        envelope = called
    else:
        signers = {key.public_key: key for key in (farmer, *_MOVES[move.kind].signers(other))}
        builder = play.builder(farmer)
        _MOVES[move.kind].add(builder, farmer, other, move.number)
        envelope = signed(builder, *signers.values())
    return envelope if move.payer is None else _bumped(envelope, FARMERS[move.payer])


def _bumped(envelope: TransactionEnvelope, payer: Keypair) -> AnyEnvelope:
    operations = len(envelope.transaction.operations) + 1
    fee = envelope.transaction.fee + 100 * operations
    bump = TransactionBuilder.build_fee_bump_transaction(
        payer, -(-fee // operations), envelope, LOCAL.passphrase
    )
    bump.sign(payer)
    return bump


@dataclass(frozen=True)
class _Kind:
    add: Callable[[TransactionBuilder, Keypair, Keypair, int], object]
    signers: Callable[[Keypair], tuple[Keypair, ...]] = lambda other: ()


def _amount(number: int) -> str:
    """From nothing much to more than anybody has."""
    return ("0.0000001", "1", "7.5", "40", "99.9", "5000")[number % 6]


def _pay(asset: Asset) -> Callable[[TransactionBuilder, Keypair, Keypair, int], object]:
    return lambda builder, _, other, number: builder.append_payment_op(
        other.public_key, asset, _amount(number)
    )


def _both(other: Keypair) -> tuple[Keypair, ...]:
    return (other,)


def _issuer(_: Keypair) -> tuple[Keypair, ...]:
    return (ISSUER,)


def _create(builder: TransactionBuilder, _: Keypair, other: Keypair, number: int) -> None:
    builder.append_create_account_op(other.public_key, _amount(number))


def _trust(builder: TransactionBuilder, _: Keypair, __: Keypair, number: int) -> None:
    builder.append_change_trust_op(KALE, ("0", "50", "922337203685")[number % 3])


def _options(builder: TransactionBuilder, _: Keypair, other: Keypair, number: int) -> None:
    if number % 4 == 0:
        builder.append_operation(SetOptions(med_threshold=number % 3, high_threshold=number % 2))
    elif number % 4 == 1:
        builder.append_operation(
            SetOptions(set_flags=AuthorizationFlag(number % 16), home_domain="a.example")
        )
    else:
        signer = Signer.ed25519_public_key(other.public_key, number % 3)
        builder.append_operation(SetOptions(signer=signer))


def _data(builder: TransactionBuilder, _: Keypair, __: Keypair, number: int) -> None:
    builder.append_manage_data_op(f"name {number % 3}", None if number % 2 else bytes([number % 256]))


def _bump(builder: TransactionBuilder, farmer: Keypair, _: Keypair, number: int) -> None:
    builder.append_bump_sequence_op(builder.source_account.sequence + number % 5)


def _merge(builder: TransactionBuilder, _: Keypair, other: Keypair, __: int) -> None:
    builder.append_account_merge_op(other.public_key)


def _merge_other(builder: TransactionBuilder, farmer: Keypair, other: Keypair, _: int) -> None:
    builder.append_account_merge_op(farmer.public_key, source=other.public_key)


def _fail(builder: TransactionBuilder, farmer: Keypair, other: Keypair, number: int) -> None:
    """Two operations that may go well, and a third that cannot."""
    _data(builder, farmer, other, number)
    _pay(Asset.native())(builder, farmer, other, number)
    builder.append_payment_op(_NOBODY, Asset.native(), "1")


def _sponsor(builder: TransactionBuilder, farmer: Keypair, other: Keypair, number: int) -> None:
    """Sponsors what another does; one time in eight without an end."""
    builder.append_begin_sponsoring_future_reserves_op(other.public_key)
    public_key = other.public_key
    if number % 4 == 0:
        builder.append_create_account_op(public_key, "0")
    elif number % 4 == 1:
        builder.append_change_trust_op(KALE, source=public_key)
    elif number % 4 == 2:
        builder.append_manage_data_op(f"name {number % 3}", b"x", source=public_key)
    else:
        signer = Signer.ed25519_public_key(farmer.public_key, 1)
        builder.append_operation(SetOptions(signer=signer, source=public_key))
    if number % 8 != 7:
        builder.append_end_sponsoring_future_reserves_op(source=public_key)


def _revoke(builder: TransactionBuilder, farmer: Keypair, other: Keypair, number: int) -> None:
    owner = other.public_key
    if number % 4 == 0:
        builder.append_revoke_account_sponsorship_op(owner)
    elif number % 4 == 1:
        builder.append_revoke_trustline_sponsorship_op(owner, KALE)
    elif number % 4 == 2:
        builder.append_revoke_data_sponsorship_op(owner, f"name {number % 3}")
    else:
        builder.append_revoke_ed25519_public_key_signer_sponsorship_op(owner, farmer.public_key)


def _take_over(builder: TransactionBuilder, farmer: Keypair, other: Keypair, number: int) -> None:
    """The farmer sponsors what the other has paid for, or has sponsored itself."""
    builder.append_begin_sponsoring_future_reserves_op(other.public_key)
    operation = builder.append_revoke_account_sponsorship_op(other.public_key, source=other.public_key)
    if number % 2:
        operation.append_revoke_trustline_sponsorship_op(farmer.public_key, KALE, source=other.public_key)
    builder.append_end_sponsoring_future_reserves_op(source=other.public_key)


def _authorize(builder: TransactionBuilder, _: Keypair, other: Keypair, number: int) -> None:
    flag = TrustLineFlags.AUTHORIZED_FLAG
    builder.append_set_trust_line_flags_op(
        other.public_key,
        KALE,
        clear_flags=flag if number % 2 else None,
        set_flags=None if number % 2 else flag,
        source=ISSUER.public_key,
    )


def _claw_back(builder: TransactionBuilder, _: Keypair, other: Keypair, number: int) -> None:
    builder.append_clawback_op(KALE, other.public_key, _amount(number), source=ISSUER.public_key)


def _mint(builder: TransactionBuilder, _: Keypair, other: Keypair, number: int) -> None:
    builder.append_payment_op(other.public_key, KALE, _amount(number), source=ISSUER.public_key)


def _burn(builder: TransactionBuilder, _: Keypair, __: Keypair, number: int) -> None:
    builder.append_payment_op(ISSUER.public_key, KALE, _amount(number))


def _take(builder: TransactionBuilder, farmer: Keypair, other: Keypair, number: int) -> None:
    builder.append_payment_op(farmer.public_key, Asset.native(), _amount(number), source=other.public_key)


_MOVES = {
    "create": _Kind(_create),
    "pay": _Kind(_pay(Asset.native())),
    "pay KALE": _Kind(_pay(KALE)),
    "trust": _Kind(_trust),
    "options": _Kind(_options),
    "data": _Kind(_data),
    "bump": _Kind(_bump),
    "merge": _Kind(_merge),
    "merge other": _Kind(_merge_other, _both),
    "fail": _Kind(_fail),
    "sponsor": _Kind(_sponsor, _both),
    "revoke": _Kind(_revoke),
    "take over": _Kind(_take_over, _both),
    "authorise": _Kind(_authorize, _issuer),
    "claw back": _Kind(_claw_back, _issuer),
    "mint": _Kind(_mint, _issuer),
    "burn": _Kind(_burn),
    "take": _Kind(_take, _both),
}
_CALLS = ("plant", "work", "harvest")
_TOKEN_CALLS = ("move KALE", "move XLM", "burn KALE", "trust KALE")
#: Farming and sponsoring more often than the rest, so that there is something to harvest and to revoke.
KINDS = (*_MOVES, *_CALLS, *_TOKEN_CALLS, *_CALLS, "plant", "work", "harvest", "sponsor", "trust", "create")


def _call(play: Play, move: Move, farmer: Keypair) -> TransactionEnvelope:
    """A call of the farm, right or wrong, with a declaration that is too small one time in nine."""
    index = Sight.of(play.chain.latest, play.chain.state, LOCAL).farm.index
    call = _farm_call(play, move, farmer.public_key, index)
    needed = _STARVED if move.number % 9 == 8 else _RESOURCES
    data = needed.declare(call.footprint)
    builder = play.builder(farmer, fee=100)
    builder.append_operation(InvokeHostFunction(call.function, list(call.auth)))
    envelope = builder.set_soroban_data(data).build()
    envelope.transaction.fee = data.resource_fee.int64 + 100
    envelope.sign(farmer)
    return envelope


def _farm_call(play: Play, move: Move, farmer: str, index: int) -> Call:
    if move.kind == "plant":
        return farm_calls.plant(LOCAL, farmer, {index, index + 1}, move.number % 3 * 10**7)
    if move.kind == "work":
        zeros = move.number % 4
        hash = bytes(zeros) + bytes([255] * (32 - zeros))
        play.chain.side_door.grant(index, farmer, move.number, hash)
        return farm_calls.work(LOCAL, farmer, index, hash, move.number)
    pails = [
        (key.public_key, past)
        for past in range(max(index - 3, 0), index)
        for key in FARMERS
        if play.chain.state.find(pail_key(LOCAL.farm_contract_id, key.public_key, past).to_xdr_bytes())
    ]
    owner, past = pails[move.number % len(pails)] if pails else (farmer, index)
    return farm_calls.harvest(LOCAL, owner, past)


def _token_call(move: Move, farmer: Keypair, other: Keypair) -> xdr.HostFunction:
    """A call of the contract that KALE or XLM has; a farmer's XLM may make another's account."""
    sender, receiver = address_value(farmer.public_key), address_value(other.public_key)
    amount = scval.to_int128(int(Decimal(_amount(move.number)) * 10**7))
    kale = LOCAL.asset_contract_id
    if move.kind == "move KALE":
        return calls.invocation(kale, "transfer", [sender, receiver, amount])
    if move.kind == "burn KALE":
        return calls.invocation(kale, "burn", [sender, amount])
    if move.kind == "trust KALE":
        return calls.invocation(kale, "trust", [sender])
    xlm = Asset.native().contract_id(LOCAL.passphrase)
    return calls.invocation(xlm, "transfer", [sender, receiver, amount])


def _simulated(play: Play, farmer: Keypair, function: xdr.HostFunction) -> TransactionEnvelope | None:
    """The call as a client assembles it; what runs before it in its ledger may make it fail."""
    chain = play.chain
    tried = play.builder(farmer).append_operation(InvokeHostFunction(function, [])).build()
    envelope = decode_envelope(encoded(tried), chain.network_id)
    try:
        simulator = Simulator(chain.state, chain.ledger_info(), chain.settings)
        simulation = simulator.simulate(envelope, SimulationOptions())
    except SimulationError:
        return None
    assert simulation.result is not None
    auth = [xdr.SorobanAuthorizationEntry.from_xdr_bytes(entry) for entry in simulation.result.auth]
    data = xdr.SorobanTransactionData.from_xdr_bytes(simulation.proposal.transaction_data)
    builder = play.builder(farmer).append_operation(InvokeHostFunction(function, auth))
    called = builder.set_soroban_data(data).build()
    called.transaction.fee = data.resource_fee.int64 + 100
    called.sign(farmer)
    return called


def begin(play: Play) -> None:
    """Three farmers have XLM, two a trustline and KALE; the issuer may revoke and claw back."""
    flags = AuthorizationFlag.AUTHORIZATION_REVOCABLE | AuthorizationFlag.AUTHORIZATION_CLAWBACK_ENABLED
    builder = play.builder(ISSUER).append_set_options_op(set_flags=flags)
    assert play.apply(builder, ISSUER).succeeded
    builder = play.builder(FAUCET).append_create_account_op(FARMERS[2].public_key, "20")
    for farmer in FARMERS[:2]:
        builder.append_create_account_op(farmer.public_key, "200")
        builder.append_change_trust_op(KALE, source=farmer.public_key)
        builder.append_payment_op(farmer.public_key, KALE, "100")
    assert play.apply(builder, FAUCET, *FARMERS[:2]).succeeded
