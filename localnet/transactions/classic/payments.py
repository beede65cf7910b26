"""Payments in XLM and in issued assets."""

from stellar_sdk import xdr
from stellar_sdk.xdr import PaymentResultCode, TrustLineFlags

from localnet.ledger import asset_events
from localnet.ledger.accounts import (
    available_stroops,
    find_trustline,
    highest_balance_stroops,
    line_range,
    with_balance,
    with_line_balance,
)
from localnet.ledger.assets import asset_issuer, is_valid_asset
from localnet.transactions.classic.operation import OperationFailed, Scene, Success
from localnet.transactions.envelopes import account_of

_AUTHORIZED = TrustLineFlags.AUTHORIZED_FLAG


def check_payment(body: xdr.OperationBody, _: bytes) -> int:
    operation = body.payment_op
    assert operation is not None
    malformed = operation.amount.int64 <= 0 or not is_valid_asset(operation.asset)
    return PaymentResultCode.PAYMENT_MALFORMED if malformed else 0


def pay(body: xdr.OperationBody, scene: Scene) -> Success:
    operation = body.payment_op
    assert operation is not None
    destination = account_of(operation.destination)
    amount = operation.amount.int64
    move = _pay_native if asset_issuer(operation.asset) is None else _pay_issued
    move(scene, operation.asset, destination, amount)
    receiver_id = asset_events.receiver_id(operation.destination, scene.memo)
    event = asset_events.transfer_event(
        scene.network_id, operation.asset, scene.source, destination, amount, receiver_id
    )
    return Success((event,))


def _pay_native(scene: Scene, _: xdr.Asset, destination: bytes, amount: int) -> None:
    receiver = scene.entries.find_account(destination)
    if receiver is None:
        raise OperationFailed(PaymentResultCode.PAYMENT_NO_DESTINATION)
    if destination == scene.source:
        return
    if receiver.balance.int64 + amount > highest_balance_stroops(receiver):
        raise OperationFailed(PaymentResultCode.PAYMENT_LINE_FULL)
    sender = scene.source_account()
    if available_stroops(sender, scene.settings) < amount:
        raise OperationFailed(PaymentResultCode.PAYMENT_UNDERFUNDED)
    scene.entries.put_account(with_balance(receiver, receiver.balance.int64 + amount))
    scene.entries.put_account(with_balance(sender, sender.balance.int64 - amount))


def _pay_issued(scene: Scene, asset: xdr.Asset, destination: bytes, amount: int) -> None:
    issuer = asset_issuer(asset)
    if destination != issuer:
        _credit(scene, asset, destination, amount)
    if scene.source != issuer:
        _debit(scene, asset, amount)


def _credit(scene: Scene, asset: xdr.Asset, destination: bytes, amount: int) -> None:
    if scene.entries.find_account(destination) is None:
        raise OperationFailed(PaymentResultCode.PAYMENT_NO_DESTINATION)
    line = find_trustline(scene.entries.layer, destination, asset)
    if line is None:
        raise OperationFailed(PaymentResultCode.PAYMENT_NO_TRUST)
    if not line.flags.uint32 & _AUTHORIZED:
        raise OperationFailed(PaymentResultCode.PAYMENT_NOT_AUTHORIZED)
    _, highest = line_range(line)
    if line.balance.int64 + amount > highest:
        raise OperationFailed(PaymentResultCode.PAYMENT_LINE_FULL)
    scene.entries.put_trustline(with_line_balance(line, line.balance.int64 + amount))


def _debit(scene: Scene, asset: xdr.Asset, amount: int) -> None:
    line = find_trustline(scene.entries.layer, scene.source, asset)
    if line is None:
        raise OperationFailed(PaymentResultCode.PAYMENT_SRC_NO_TRUST)
    if not line.flags.uint32 & _AUTHORIZED:
        raise OperationFailed(PaymentResultCode.PAYMENT_SRC_NOT_AUTHORIZED)
    lowest, _ = line_range(line)
    if line.balance.int64 - amount < lowest:
        raise OperationFailed(PaymentResultCode.PAYMENT_UNDERFUNDED)
    scene.entries.put_trustline(with_line_balance(line, line.balance.int64 - amount))
