"""The tables as peewee sees them. The schema itself, with its constraints, is in migrations/.

A test holds the two against each other, column by column. Foreign keys are
plain id columns: nothing here loads a row behind the reader's back.
"""

from dataclasses import fields
from typing import TypeVar

from peewee import (
    BigAutoField,
    BigIntegerField,
    BooleanField,
    CompositeKey,
    DateTimeField,
    DoubleField,
    IntegerField,
    Model,
    TextField,
)

from backend_svc.store import records
from backend_svc.store.database import current_database
from backend_svc.store.fields import BytesField, EnumField, IdField, NonceField

R = TypeVar("R")


class Table(Model):
    class Meta:
        database = current_database
        legacy_table_names = False


class Users(Table):
    id = IdField(primary_key=True)
    email = TextField()
    created_at = DateTimeField()


class Poolers(Table):
    id = IdField(primary_key=True)
    name = TextField()
    public_key = TextField(null=True)
    endpoint = TextField()
    capacity = IntegerField()
    share_basis_points = IntegerField()
    status = EnumField(records.PoolerStatus)
    created_at = DateTimeField()


class Farmers(Table):
    id = IdField(primary_key=True)
    user_id = IdField()
    pooler_id = IdField()
    custody_mode = EnumField(records.CustodyMode)
    public_key = TextField()
    payout_wallet = TextField(null=True)
    stake_basis_points = IntegerField()
    harvest_after_blocks = IntegerField()
    status = EnumField(records.FarmerStatus)
    created_at = DateTimeField()
    status_changed_at = DateTimeField()


class FarmerKeys(Table):
    farmer_id = IdField(primary_key=True)
    master_key_id = TextField()
    wrapped_data_key = BytesField()
    sealed_seed = BytesField()
    created_at = DateTimeField()


class ApiKeys(Table):
    id = IdField(primary_key=True)
    kind = EnumField(records.KeyKind)
    pooler_id = IdField(null=True)
    farmer_id = IdField(null=True)
    label = TextField()
    key_hash = BytesField()
    created_at = DateTimeField()
    revoked_at = DateTimeField(null=True)


class RequestIds(Table):
    caller = TextField()
    request_id = IdField()
    method = TextField()
    content_hash = BytesField()
    answer = BytesField()
    created_at = DateTimeField()

    class Meta:
        primary_key = CompositeKey("caller", "request_id")


class Transactions(Table):
    id = IdField(primary_key=True)
    purpose = EnumField(records.Purpose)
    reference_id = IdField()
    farmer_id = IdField(null=True)
    source_account = TextField()
    sequence_number = BigIntegerField()
    hash = BytesField()
    envelope = BytesField()
    max_ledger = BigIntegerField()
    prepared_ledger = BigIntegerField()
    status = EnumField(records.TransactionStatus)
    ledger = BigIntegerField(null=True)
    fee_charged_stroops = BigIntegerField(null=True)
    result = BytesField(null=True)
    return_value = BytesField(null=True)
    failure_kind = EnumField(records.FailureKind, null=True)
    failure_contract = TextField(null=True)
    failure_code = IntegerField(null=True)
    failure_text = TextField(null=True)
    created_at = DateTimeField()
    finished_at = DateTimeField(null=True)


class TransactionAttempts(Table):
    id = BigAutoField()
    transaction_id = IdField()
    step = EnumField(records.AttemptStep)
    envelope_hash = BytesField()
    latest_ledger = BigIntegerField()
    detail = TextField()
    created_at = DateTimeField()


class StreamSessions(Table):
    id = IdField(primary_key=True)
    pooler_id = IdField()
    kind = EnumField(records.StreamKind)
    connection = BigIntegerField()
    last_request_sequence = BigIntegerField()
    last_response_sequence = BigIntegerField()
    created_at = DateTimeField()
    ended_at = DateTimeField(null=True)


class BlockOperations(Table):
    id = IdField(primary_key=True)
    block_index = BigIntegerField()
    pooler_id = IdField()
    status = EnumField(records.OperationStatus)
    capacity = IntegerField()
    deadline = BigIntegerField(null=True)
    block_timestamp = BigIntegerField(null=True)
    entropy = BytesField(null=True)
    created_at = DateTimeField()


class BlockEvents(Table):
    id = BigAutoField()
    session_id = IdField()
    sequence = BigIntegerField()
    operation_id = IdField(null=True)
    farmer_id = IdField(null=True)
    kind = TextField()
    payload = BytesField()
    created_at = DateTimeField()


class Plantings(Table):
    id = IdField(primary_key=True)
    operation_id = IdField()
    farmer_id = IdField()
    block_index = BigIntegerField()
    status = EnumField(records.PlantingStatus)
    stake_stroops = BigIntegerField(null=True)
    plant_ledger = BigIntegerField(null=True)
    transaction_id = IdField(null=True)
    reason = TextField(null=True)
    fault = EnumField(records.Fault, null=True)
    retryable = BooleanField()
    message = TextField()
    created_at = DateTimeField()
    finished_at = DateTimeField(null=True)


class Works(Table):
    id = IdField(primary_key=True)
    operation_id = IdField()
    planting_id = IdField()
    farmer_id = IdField()
    block_index = BigIntegerField()
    status = EnumField(records.WorkStatus)
    nonce = NonceField(null=True)
    hash = BytesField(null=True)
    zeros = IntegerField(null=True)
    attempts = IntegerField()
    hashes = BigIntegerField()
    work_seconds = DoubleField()
    submissions = IntegerField()
    gap = BigIntegerField(null=True)
    confirmed_zeros = IntegerField(null=True)
    work_ledger = BigIntegerField(null=True)
    recovered = BooleanField()
    by_outsider = BooleanField()
    transaction_id = IdField(null=True)
    reason = TextField(null=True)
    fault = EnumField(records.Fault, null=True)
    message = TextField()
    created_at = DateTimeField()
    finished_at = DateTimeField(null=True)


class Harvests(Table):
    id = IdField(primary_key=True)
    operation_id = IdField()
    planting_id = IdField()
    farmer_id = IdField()
    block_index = BigIntegerField()
    status = EnumField(records.HarvestStatus)
    stake_stroops = BigIntegerField()
    reward_stroops = BigIntegerField(null=True)
    harvest_ledger = BigIntegerField(null=True)
    by_outsider = BooleanField()
    attempts = IntegerField()
    claimed_until = DateTimeField(null=True)
    transaction_id = IdField(null=True)
    reason = TextField(null=True)
    fault = EnumField(records.Fault, null=True)
    message = TextField()
    created_at = DateTimeField()
    finished_at = DateTimeField(null=True)


class HarvestRequests(Table):
    session_id = IdField()
    request_sequence = BigIntegerField()
    pooler_id = IdField()
    refused = IntegerField()
    told_at = DateTimeField(null=True)
    created_at = DateTimeField()

    class Meta:
        primary_key = CompositeKey("session_id", "request_sequence")


class HarvestRequestPails(Table):
    session_id = IdField()
    request_sequence = BigIntegerField()
    harvest_id = IdField()

    class Meta:
        primary_key = CompositeKey("session_id", "request_sequence", "harvest_id")


class LedgerEvents(Table):
    id = IdField(primary_key=True)
    number = BigIntegerField()
    kind = EnumField(records.LedgerEventKind)
    farmer_id = IdField()
    reference_id = IdField(null=True)
    chain_event_id = TextField(null=True)
    transaction_hash = BytesField(null=True)
    ledger = BigIntegerField(null=True)
    outsider = BooleanField()
    created_at = DateTimeField()


class LedgerEntries(Table):
    id = BigAutoField()
    event_id = IdField()
    account = EnumField(records.Account)
    farmer_id = IdField(null=True)
    amount_stroops = BigIntegerField()


class FarmerBalances(Table):
    farmer_id = IdField(primary_key=True)
    free_stroops = BigIntegerField()
    in_play_stroops = BigIntegerField()


class ChainCursors(Table):
    name = TextField(primary_key=True)
    cursor = TextField()
    ledger = BigIntegerField()
    updated_at = DateTimeField()


def as_record(record: type[R], row: Table) -> R:
    """The record of a row: each of its fields is the column of that name."""
    return record(**{field.name: getattr(row, field.name) for field in fields(record)})  # type: ignore[arg-type]


def maybe_record(record: type[R], row: Table | None) -> R | None:
    """The same for a question that may find nothing."""
    return None if row is None else as_record(record, row)
