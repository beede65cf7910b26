"""Classic operations: create account, payment, change trust.

Each has its static check, made before a transaction is queued, and its effect. The orders of checks are
stellar-core's: the first rule that is broken names the result.
"""

from collections.abc import Callable
from dataclasses import dataclass

from stellar_sdk import xdr
from stellar_sdk.xdr import (
    ChangeTrustResultCode,
    CreateAccountResultCode,
    OperationResultCode,
    OperationType,
    PaymentResultCode,
)

from localnet.ledger import asset_events
from localnet.ledger.accounts import (
    INT64_MAX,
    account_key,
    available_stroops,
    find_account,
    find_trustline,
    new_account,
    new_trustline,
    stored_account,
    stored_trustline,
    trustline_key,
    with_balance,
    with_limit,
    with_line_balance,
    with_subentries,
)
from localnet.ledger.assets import NATIVE, asset_issuer, is_valid_asset, trusted_asset
from localnet.ledger.events import Event
from localnet.ledger.state import Layer
from localnet.network_settings import NetworkSettings
from localnet.transactions import results
from localnet.transactions.envelopes import account_of

_AUTHORIZED = xdr.TrustLineFlags.AUTHORIZED_FLAG


@dataclass(frozen=True)
class Scene:
    """Where an operation acts: the layer of its transaction, its source, and the ledger's circumstances."""

    layer: Layer
    source: bytes
    memo: xdr.Memo
    sequence: int
    network_id: bytes
    settings: NetworkSettings


@dataclass(frozen=True)
class Effect:
    """What an operation came to: its encoded result and the events that it emitted."""

    succeeded: bool
    result: bytes
    events: tuple[Event, ...] = ()


@dataclass(frozen=True)
class _Operation:
    check: Callable[[xdr.OperationBody, bytes], int]
    apply: Callable[[xdr.OperationBody, Scene], tuple[int, tuple[Event, ...]]]


def check_operation(body: xdr.OperationBody, source: bytes) -> bytes | None:
    """The result of an operation that is wrong whatever the ledger holds; None if it may be tried."""
    operation = _OPERATIONS.get(body.type)
    if operation is None:
        return results.refused_operation(OperationResultCode.opNOT_SUPPORTED)
    code = operation.check(body, source)
    return None if code == 0 else results.operation_result(body.type, code)


def apply_operation(body: xdr.OperationBody, scene: Scene) -> Effect:
    code, events = _OPERATIONS[body.type].apply(body, scene)
    return Effect(code == 0, results.operation_result(body.type, code), events)


def _check_create_account(body: xdr.OperationBody, source: bytes) -> int:
    operation = body.create_account_op
    assert operation is not None
    malformed = operation.starting_balance.int64 < 0 or _key(operation.destination) == source
    return CreateAccountResultCode.CREATE_ACCOUNT_MALFORMED if malformed else 0


def _create_account(body: xdr.OperationBody, scene: Scene) -> tuple[int, tuple[Event, ...]]:
    operation = body.create_account_op
    assert operation is not None
    destination = _key(operation.destination)
    amount = operation.starting_balance.int64
    if find_account(scene.layer, destination) is not None:
        return CreateAccountResultCode.CREATE_ACCOUNT_ALREADY_EXIST, ()
    if amount < 2 * scene.settings.base_reserve_stroops:
        return CreateAccountResultCode.CREATE_ACCOUNT_LOW_RESERVE, ()
    source = _source(scene)
    if available_stroops(source, scene.settings) < amount:
        return CreateAccountResultCode.CREATE_ACCOUNT_UNDERFUNDED, ()
    _put_account(scene, with_balance(source, source.balance.int64 - amount), scene.source)
    _put_account(scene, new_account(destination, amount, scene.sequence << 32), destination)
    event = asset_events.transfer_event(scene.network_id, NATIVE, scene.source, destination, amount)
    return 0, (event,)


def _check_payment(body: xdr.OperationBody, _: bytes) -> int:
    operation = body.payment_op
    assert operation is not None
    malformed = operation.amount.int64 <= 0 or not is_valid_asset(operation.asset)
    return PaymentResultCode.PAYMENT_MALFORMED if malformed else 0


def _payment(body: xdr.OperationBody, scene: Scene) -> tuple[int, tuple[Event, ...]]:
    operation = body.payment_op
    assert operation is not None
    destination = account_of(operation.destination)
    amount = operation.amount.int64
    move = _pay_native if asset_issuer(operation.asset) is None else _pay_issued
    code = move(scene, operation.asset, destination, amount)
    if code != 0:
        return code, ()
    receiver_id = asset_events.receiver_id(operation.destination, scene.memo)
    event = asset_events.transfer_event(
        scene.network_id, operation.asset, scene.source, destination, amount, receiver_id
    )
    return 0, (event,)


def _pay_native(scene: Scene, _: xdr.Asset, destination: bytes, amount: int) -> int:
    receiver = find_account(scene.layer, destination)
    if receiver is None:
        return PaymentResultCode.PAYMENT_NO_DESTINATION
    if destination == scene.source:
        return 0
    if receiver.balance.int64 > INT64_MAX - amount:
        return PaymentResultCode.PAYMENT_LINE_FULL
    sender = _source(scene)
    if available_stroops(sender, scene.settings) < amount:
        return PaymentResultCode.PAYMENT_UNDERFUNDED
    _put_account(scene, with_balance(receiver, receiver.balance.int64 + amount), destination)
    _put_account(scene, with_balance(sender, sender.balance.int64 - amount), scene.source)
    return 0


def _pay_issued(scene: Scene, asset: xdr.Asset, destination: bytes, amount: int) -> int:
    issuer = asset_issuer(asset)
    if destination != issuer:
        code = _credit(scene, asset, destination, amount)
        if code != 0:
            return code
    return 0 if scene.source == issuer else _debit(scene, asset, amount)


def _credit(scene: Scene, asset: xdr.Asset, destination: bytes, amount: int) -> int:
    if find_account(scene.layer, destination) is None:
        return PaymentResultCode.PAYMENT_NO_DESTINATION
    line = find_trustline(scene.layer, destination, asset)
    if line is None:
        return PaymentResultCode.PAYMENT_NO_TRUST
    if not line.flags.uint32 & _AUTHORIZED:
        return PaymentResultCode.PAYMENT_NOT_AUTHORIZED
    if line.balance.int64 + amount > line.limit.int64:
        return PaymentResultCode.PAYMENT_LINE_FULL
    _put_line(scene, with_line_balance(line, line.balance.int64 + amount), destination, asset)
    return 0


def _debit(scene: Scene, asset: xdr.Asset, amount: int) -> int:
    line = find_trustline(scene.layer, scene.source, asset)
    if line is None:
        return PaymentResultCode.PAYMENT_SRC_NO_TRUST
    if not line.flags.uint32 & _AUTHORIZED:
        return PaymentResultCode.PAYMENT_SRC_NOT_AUTHORIZED
    if line.balance.int64 < amount:
        return PaymentResultCode.PAYMENT_UNDERFUNDED
    _put_line(scene, with_line_balance(line, line.balance.int64 - amount), scene.source, asset)
    return 0


def _check_change_trust(body: xdr.OperationBody, source: bytes) -> int:
    operation = body.change_trust_op
    assert operation is not None
    asset = trusted_asset(operation.line)
    if asset is None or asset_issuer(asset) is None or operation.limit.int64 < 0 or not is_valid_asset(asset):
        return ChangeTrustResultCode.CHANGE_TRUST_MALFORMED
    if asset_issuer(asset) == source:
        return ChangeTrustResultCode.CHANGE_TRUST_SELF_NOT_ALLOWED
    return 0


def _change_trust(body: xdr.OperationBody, scene: Scene) -> tuple[int, tuple[Event, ...]]:
    operation = body.change_trust_op
    assert operation is not None
    asset = trusted_asset(operation.line)
    assert asset is not None
    limit = operation.limit.int64
    line = find_trustline(scene.layer, scene.source, asset)
    if line is None:
        return _open_line(scene, asset, limit), ()
    if limit < line.balance.int64:
        return ChangeTrustResultCode.CHANGE_TRUST_INVALID_LIMIT, ()
    if limit == 0:
        scene.layer.put(trustline_key(scene.source, asset), None)
        account = _source(scene)
        _put_account(scene, with_subentries(account, account.num_sub_entries.uint32 - 1), scene.source)
        return 0, ()
    if not _issuer_exists(scene, asset):
        return ChangeTrustResultCode.CHANGE_TRUST_NO_ISSUER, ()
    _put_line(scene, with_limit(line, limit), scene.source, asset)
    return 0, ()


def _open_line(scene: Scene, asset: xdr.Asset, limit: int) -> int:
    if limit == 0:
        return ChangeTrustResultCode.CHANGE_TRUST_INVALID_LIMIT
    issuer_key = asset_issuer(asset)
    assert issuer_key is not None
    issuer = find_account(scene.layer, issuer_key)
    if issuer is None:
        return ChangeTrustResultCode.CHANGE_TRUST_NO_ISSUER
    account = with_subentries(_source(scene), _source(scene).num_sub_entries.uint32 + 1)
    if available_stroops(account, scene.settings) < 0:
        return ChangeTrustResultCode.CHANGE_TRUST_LOW_RESERVE
    _put_account(scene, account, scene.source)
    _put_line(scene, new_trustline(scene.source, asset, limit, _new_line_flags(issuer)), scene.source, asset)
    return 0


def _new_line_flags(issuer: xdr.AccountEntry) -> int:
    flags = 0
    if not issuer.flags.uint32 & xdr.AccountFlags.AUTH_REQUIRED_FLAG:
        flags |= _AUTHORIZED
    if issuer.flags.uint32 & xdr.AccountFlags.AUTH_CLAWBACK_ENABLED_FLAG:
        flags |= xdr.TrustLineFlags.TRUSTLINE_CLAWBACK_ENABLED_FLAG
    return flags


def _issuer_exists(scene: Scene, asset: xdr.Asset) -> bool:
    issuer = asset_issuer(asset)
    return issuer is not None and find_account(scene.layer, issuer) is not None


def _key(account: xdr.AccountID) -> bytes:
    key = account.account_id.ed25519
    assert key is not None
    return key.uint256


def _source(scene: Scene) -> xdr.AccountEntry:
    account = find_account(scene.layer, scene.source)
    assert account is not None, "operations run only for sources that exist"
    return account


def _put_account(scene: Scene, account: xdr.AccountEntry, public_key: bytes) -> None:
    scene.layer.put(account_key(public_key), stored_account(account, scene.sequence))


def _put_line(scene: Scene, line: xdr.TrustLineEntry, holder: bytes, asset: xdr.Asset) -> None:
    scene.layer.put(trustline_key(holder, asset), stored_trustline(line, scene.sequence))


_OPERATIONS = {
    OperationType.CREATE_ACCOUNT: _Operation(_check_create_account, _create_account),
    OperationType.PAYMENT: _Operation(_check_payment, _payment),
    OperationType.CHANGE_TRUST: _Operation(_check_change_trust, _change_trust),
}
