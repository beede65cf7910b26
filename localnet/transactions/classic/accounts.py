"""Accounts come, go, and skip sequence numbers."""

from stellar_sdk import xdr
from stellar_sdk.xdr import (
    AccountFlags,
    AccountMergeResultCode,
    BumpSequenceResultCode,
    CreateAccountResultCode,
)

from localnet.ledger import asset_events, wire
from localnet.ledger.accounts import (
    available_stroops,
    highest_balance_stroops,
    new_account,
    public_key,
    with_balance,
    with_sequence,
)
from localnet.ledger.assets import NATIVE
from localnet.ledger.sponsorships import sponsoring_count
from localnet.transactions.classic.operation import OperationFailed, Scene, Success
from localnet.transactions.classic.reserves import create_account_entry, remove_account_entry
from localnet.transactions.envelopes import account_of


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
    if scene.entries.find_account(destination) is not None:
        raise OperationFailed(CreateAccountResultCode.CREATE_ACCOUNT_ALREADY_EXIST)
    account = new_account(destination, amount, _starting_sequence(scene))
    create_account_entry(scene, account, destination, CreateAccountResultCode.CREATE_ACCOUNT_LOW_RESERVE)
    source = scene.source_account()
    if available_stroops(source, scene.settings) < amount:
        raise OperationFailed(CreateAccountResultCode.CREATE_ACCOUNT_UNDERFUNDED)
    scene.entries.put_account(with_balance(source, source.balance.int64 - amount))
    receiver_id = asset_events.memo_value(scene.memo)
    event = asset_events.transfer_event(
        scene.network_id, NATIVE, scene.source, destination, amount, receiver_id
    )
    return Success((event,))


def check_merge(body: xdr.OperationBody, source: bytes) -> int:
    assert body.destination is not None
    malformed = account_of(body.destination) == source
    return AccountMergeResultCode.ACCOUNT_MERGE_MALFORMED if malformed else 0


def merge(body: xdr.OperationBody, scene: Scene) -> Success:
    assert body.destination is not None
    destination = account_of(body.destination)
    _require_mergeable(scene, destination)
    amount = scene.source_account().balance.int64
    remove_account_entry(scene.entries, scene.source)
    receiver = scene.entries.get_account(destination)
    if receiver.balance.int64 + amount > highest_balance_stroops(receiver):
        raise OperationFailed(AccountMergeResultCode.ACCOUNT_MERGE_DEST_FULL)
    scene.entries.put_account(with_balance(receiver, receiver.balance.int64 + amount))
    receiver_id = asset_events.receiver_id(body.destination, scene.memo)
    event = asset_events.transfer_event(
        scene.network_id, NATIVE, scene.source, destination, amount, receiver_id
    )
    return Success((event,), wire.int64(amount))


def _require_mergeable(scene: Scene, destination: bytes) -> None:
    if scene.entries.find_account(destination) is None:
        raise OperationFailed(AccountMergeResultCode.ACCOUNT_MERGE_NO_ACCOUNT)
    source = scene.source_account()
    if source.flags.uint32 & AccountFlags.AUTH_IMMUTABLE_FLAG:
        raise OperationFailed(AccountMergeResultCode.ACCOUNT_MERGE_IMMUTABLE_SET)
    if source.num_sub_entries.uint32 != len(source.signers):
        raise OperationFailed(AccountMergeResultCode.ACCOUNT_MERGE_HAS_SUB_ENTRIES)
    # Created again in this ledger, the account would go back to an older number.
    used = max(source.seq_num.sequence_number.int64, scene.sequences.get(scene.source, 0))
    if used >= _starting_sequence(scene):
        raise OperationFailed(AccountMergeResultCode.ACCOUNT_MERGE_SEQNUM_TOO_FAR)
    if scene.source in scene.sponsors.values() or sponsoring_count(source):
        raise OperationFailed(AccountMergeResultCode.ACCOUNT_MERGE_IS_SPONSOR)


def check_bump_sequence(body: xdr.OperationBody, _: bytes) -> int:
    operation = body.bump_sequence_op
    assert operation is not None
    negative = operation.bump_to.sequence_number.int64 < 0
    return BumpSequenceResultCode.BUMP_SEQUENCE_BAD_SEQ if negative else 0


def bump_sequence(body: xdr.OperationBody, scene: Scene) -> Success:
    """A number that is not higher than the account's leaves that, but counts as its use."""
    operation = body.bump_sequence_op
    assert operation is not None
    source = scene.source_account()
    number = max(operation.bump_to.sequence_number.int64, source.seq_num.sequence_number.int64)
    scene.entries.put_account(with_sequence(source, number, scene.entries.sequence, scene.close_time))
    return Success()


def _starting_sequence(scene: Scene) -> int:
    """The sequence number that an account starts with: its ledger's in the upper half."""
    return scene.entries.sequence << 32
