"""Accounts come into being."""

from stellar_sdk import xdr
from stellar_sdk.xdr import CreateAccountResultCode

from localnet.ledger import asset_events
from localnet.ledger.accounts import available_stroops, find_account, new_account, public_key, with_balance
from localnet.ledger.assets import NATIVE
from localnet.transactions.classic.operation import OperationFailed, Scene, Success


def check_create_account(body: xdr.OperationBody, source: bytes) -> int:
    operation = body.create_account_op
    assert operation is not None
    malformed = operation.starting_balance.int64 < 0 or public_key(operation.destination) == source
    return CreateAccountResultCode.CREATE_ACCOUNT_MALFORMED if malformed else 0


def create_account(body: xdr.OperationBody, scene: Scene) -> Success:
    operation = body.create_account_op
    assert operation is not None
    destination = public_key(operation.destination)
    amount = operation.starting_balance.int64
    if find_account(scene.layer, destination) is not None:
        raise OperationFailed(CreateAccountResultCode.CREATE_ACCOUNT_ALREADY_EXIST)
    if amount < 2 * scene.settings.base_reserve_stroops:
        raise OperationFailed(CreateAccountResultCode.CREATE_ACCOUNT_LOW_RESERVE)
    source = scene.source_account()
    if available_stroops(source, scene.settings) < amount:
        raise OperationFailed(CreateAccountResultCode.CREATE_ACCOUNT_UNDERFUNDED)
    scene.put_account(with_balance(source, source.balance.int64 - amount), scene.source)
    scene.put_account(new_account(destination, amount, scene.sequence << 32), destination)
    event = asset_events.transfer_event(scene.network_id, NATIVE, scene.source, destination, amount)
    return Success((event,))
