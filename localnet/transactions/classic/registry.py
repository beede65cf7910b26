"""All classic operations of this network.

The orders of checks are stellar-core's: the first rule that is broken names the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stellar_sdk import xdr
from stellar_sdk.xdr import OperationType, ThresholdIndexes

from localnet.ledger.events import Event
from localnet.transactions import results
from localnet.transactions.classic import (
    accounts,
    authorization,
    data,
    options,
    payments,
    sponsorship,
    trustlines,
)
from localnet.transactions.classic.operation import (
    Operation,
    OperationFailed,
    OperationRefused,
    Scene,
    high_threshold,
    low_threshold,
)

OPERATIONS: Final[Mapping[OperationType, Operation]] = {
    OperationType.CREATE_ACCOUNT: Operation(accounts.check_create_account, accounts.create_account),
    OperationType.PAYMENT: Operation(payments.check_payment, payments.pay),
    OperationType.SET_OPTIONS: Operation(
        options.check_set_options, options.set_options, options.set_options_level
    ),
    OperationType.CHANGE_TRUST: Operation(trustlines.check_change_trust, trustlines.change_trust),
    OperationType.ALLOW_TRUST: Operation(
        authorization.check_allow_trust, authorization.allow_trust, low_threshold
    ),
    OperationType.ACCOUNT_MERGE: Operation(accounts.check_merge, accounts.merge, high_threshold),
    OperationType.MANAGE_DATA: Operation(data.check_manage_data, data.manage_data),
    OperationType.BUMP_SEQUENCE: Operation(
        accounts.check_bump_sequence, accounts.bump_sequence, low_threshold
    ),
    OperationType.BEGIN_SPONSORING_FUTURE_RESERVES: Operation(sponsorship.check_begin, sponsorship.begin),
    OperationType.END_SPONSORING_FUTURE_RESERVES: Operation(sponsorship.check_end, sponsorship.end),
    OperationType.REVOKE_SPONSORSHIP: Operation(sponsorship.check_revoke, sponsorship.revoke),
    OperationType.CLAWBACK: Operation(authorization.check_clawback, authorization.clawback),
    OperationType.SET_TRUST_LINE_FLAGS: Operation(
        authorization.check_set_flags, authorization.set_flags, low_threshold
    ),
}


@dataclass(frozen=True)
class Effect:
    """What an operation came to: its encoded result and the events that it emitted."""

    succeeded: bool
    result: bytes
    events: tuple[Event, ...] = ()


def is_supported(body: xdr.OperationBody) -> bool:
    """Whether this network has such operations; it has no liquidity pools, so no lines for their shares."""
    trusted = body.change_trust_op
    return body.type in OPERATIONS and (
        trusted is None or trusted.line.type is not xdr.AssetType.ASSET_TYPE_POOL_SHARE
    )


def threshold_level(body: xdr.OperationBody) -> ThresholdIndexes:
    """The threshold that the signatures of a known operation's source must reach."""
    return OPERATIONS[body.type].level(body)


def check_operation(body: xdr.OperationBody, source: bytes) -> bytes | None:
    """The result of a known operation that is wrong whatever the ledger holds; None if it may be tried."""
    code = OPERATIONS[body.type].check(body, source)
    return None if code == 0 else results.operation_result(body.type, code)


def apply_operation(body: xdr.OperationBody, scene: Scene) -> Effect:
    try:
        success = OPERATIONS[body.type].apply(body, scene)
    except OperationFailed as failed:
        return Effect(False, results.operation_result(body.type, failed.code))
    except OperationRefused as refused:
        return Effect(False, results.refused_operation(refused.code))
    return Effect(True, results.operation_result(body.type, 0) + success.payload, success.events)
