"""Options of an account: flags, thresholds, signers, home domain, inflation destination."""

import copy

from stellar_sdk import xdr
from stellar_sdk.xdr import AccountFlags, SetOptionsResultCode, ThresholdIndexes

from localnet.ledger.accounts import MAX_SIGNER_WEIGHT, public_key
from localnet.ledger.sponsorships import AccountSigner, account_signers, with_signers
from localnet.transactions.classic.operation import OperationFailed, Scene, Success
from localnet.transactions.classic.reserves import add_signer, remove_signer
from localnet.transactions.classic.text import is_plain_text

MAX_SIGNERS = 20

_ALL_FLAGS = (
    AccountFlags.AUTH_REQUIRED_FLAG
    | AccountFlags.AUTH_REVOCABLE_FLAG
    | AccountFlags.AUTH_IMMUTABLE_FLAG
    | AccountFlags.AUTH_CLAWBACK_ENABLED_FLAG
)


def set_options_level(body: xdr.OperationBody) -> ThresholdIndexes:
    """Whoever changes who may sign needs the high threshold."""
    operation = body.set_options_op
    assert operation is not None
    weights = _weights(operation)
    if operation.signer is not None or any(weight is not None for weight in weights):
        return ThresholdIndexes.THRESHOLD_HIGH
    return ThresholdIndexes.THRESHOLD_MED


def check_set_options(body: xdr.OperationBody, source: bytes) -> int:
    operation = body.set_options_op
    assert operation is not None
    set_flags, clear_flags = _number(operation.set_flags), _number(operation.clear_flags)
    if (set_flags | clear_flags) & ~_ALL_FLAGS:
        return SetOptionsResultCode.SET_OPTIONS_UNKNOWN_FLAG
    if set_flags & clear_flags:
        return SetOptionsResultCode.SET_OPTIONS_BAD_FLAGS
    if any(_number(weight) > MAX_SIGNER_WEIGHT for weight in _weights(operation)):
        return SetOptionsResultCode.SET_OPTIONS_THRESHOLD_OUT_OF_RANGE
    if operation.signer is not None and not _is_signer_sound(operation.signer, source):
        return SetOptionsResultCode.SET_OPTIONS_BAD_SIGNER
    if operation.home_domain is not None and not is_plain_text(operation.home_domain.string32):
        return SetOptionsResultCode.SET_OPTIONS_INVALID_HOME_DOMAIN
    return 0


def _is_signer_sound(signer: xdr.Signer, source: bytes) -> bool:
    key = signer.key
    if key.ed25519 is not None and key.ed25519.uint256 == source:
        return False
    if signer.weight.uint32 > MAX_SIGNER_WEIGHT:
        return False
    return key.ed25519_signed_payload is None or bool(key.ed25519_signed_payload.payload)


def set_options(body: xdr.OperationBody, scene: Scene) -> Success:
    operation = body.set_options_op
    assert operation is not None
    account = copy.copy(scene.source_account())
    if operation.inflation_dest is not None:
        if scene.entries.find_account(public_key(operation.inflation_dest)) is None:
            raise OperationFailed(SetOptionsResultCode.SET_OPTIONS_INVALID_INFLATION)
        account.inflation_dest = operation.inflation_dest
    account.flags = xdr.Uint32(_changed_flags(account, operation))
    if operation.home_domain is not None:
        account.home_domain = operation.home_domain
    account.thresholds = xdr.Thresholds(_changed_weights(account, operation))
    scene.entries.put_account(account)
    if operation.signer is not None:
        _set_signer(scene, operation.signer)
    return Success()


def _changed_flags(account: xdr.AccountEntry, operation: xdr.SetOptionsOp) -> int:
    """The new flags: none of an immutable account change, clawback needs the right to revoke."""
    flags = account.flags.uint32
    if operation.clear_flags is None and operation.set_flags is None:
        return flags
    cleared, added = _number(operation.clear_flags), _number(operation.set_flags)
    if cleared and flags & AccountFlags.AUTH_IMMUTABLE_FLAG:
        raise OperationFailed(SetOptionsResultCode.SET_OPTIONS_CANT_CHANGE)
    flags &= ~cleared
    if added and flags & AccountFlags.AUTH_IMMUTABLE_FLAG:
        raise OperationFailed(SetOptionsResultCode.SET_OPTIONS_CANT_CHANGE)
    flags |= added
    claws_back = flags & AccountFlags.AUTH_CLAWBACK_ENABLED_FLAG
    if claws_back and not flags & AccountFlags.AUTH_REVOCABLE_FLAG:
        raise OperationFailed(SetOptionsResultCode.SET_OPTIONS_AUTH_REVOCABLE_REQUIRED)
    return flags


def _changed_weights(account: xdr.AccountEntry, operation: xdr.SetOptionsOp) -> bytes:
    pairs = zip(_weights(operation), account.thresholds.thresholds, strict=True)
    return bytes(old if new is None else new.uint32 for new, old in pairs)


def _set_signer(scene: Scene, signer: xdr.Signer) -> None:
    """Adds a signer or changes its weight; weight 0 removes it, if it is there."""
    account = scene.source_account()
    signers = account_signers(account)
    known = next((item for item in signers if item.signer.key == signer.key), None)
    if known is not None and not signer.weight.uint32:
        remove_signer(scene.entries, scene.source, known)
    elif known is not None:
        changed = [AccountSigner(signer, item.sponsor) if item is known else item for item in signers]
        scene.entries.put_account(with_signers(account, changed))
    elif signer.weight.uint32:
        if len(signers) == MAX_SIGNERS:
            raise OperationFailed(SetOptionsResultCode.SET_OPTIONS_TOO_MANY_SIGNERS)
        add_signer(scene, signer, SetOptionsResultCode.SET_OPTIONS_LOW_RESERVE)


def _weights(operation: xdr.SetOptionsOp) -> tuple[xdr.Uint32 | None, ...]:
    """The weights in the order of an account's `thresholds`: master key, low, medium, high."""
    return (
        operation.master_weight,
        operation.low_threshold,
        operation.med_threshold,
        operation.high_threshold,
    )


def _number(value: xdr.Uint32 | None) -> int:
    return 0 if value is None else value.uint32
