"""What issuers do with trustlines for their asset: authorise, revoke, claw back."""

from stellar_sdk import xdr
from stellar_sdk.xdr import (
    AccountFlags,
    AllowTrustResultCode,
    ClawbackResultCode,
    SetTrustLineFlagsResultCode,
    TrustLineFlags,
)

from localnet.ledger import asset_events
from localnet.ledger.accounts import (
    account_id,
    find_trustline,
    line_range,
    public_key,
    with_line_balance,
    with_line_flags,
)
from localnet.ledger.assets import asset_issuer, is_valid_asset
from localnet.transactions.classic.operation import OperationFailed, Scene, Success
from localnet.transactions.envelopes import account_of

_AUTHORIZED = TrustLineFlags.AUTHORIZED_FLAG
_MAINTAINS = TrustLineFlags.AUTHORIZED_TO_MAINTAIN_LIABILITIES_FLAG
_CLAWBACK = TrustLineFlags.TRUSTLINE_CLAWBACK_ENABLED_FLAG
_BOTH = _AUTHORIZED | _MAINTAINS


def check_set_flags(body: xdr.OperationBody, source: bytes) -> int:
    operation = body.set_trust_line_flags_op
    assert operation is not None
    set_flags, clear_flags = operation.set_flags.uint32, operation.clear_flags.uint32
    malformed = (
        not is_valid_asset(operation.asset)
        or asset_issuer(operation.asset) != source
        or public_key(operation.trustor) == source
        or set_flags & clear_flags
        or set_flags & ~_BOTH
        or set_flags == _BOTH
        or clear_flags & ~(_BOTH | _CLAWBACK)
    )
    return SetTrustLineFlagsResultCode.SET_TRUST_LINE_FLAGS_MALFORMED if malformed else 0


def set_flags(body: xdr.OperationBody, scene: Scene) -> Success:
    operation = body.set_trust_line_flags_op
    assert operation is not None
    added, cleared = operation.set_flags.uint32, operation.clear_flags.uint32
    if cleared & _BOTH and not added & _AUTHORIZED and not _may_revoke(scene):
        raise OperationFailed(SetTrustLineFlagsResultCode.SET_TRUST_LINE_FLAGS_CANT_REVOKE)
    trustor = public_key(operation.trustor)
    line = find_trustline(scene.entries.layer, trustor, operation.asset)
    if line is None:
        raise OperationFailed(SetTrustLineFlagsResultCode.SET_TRUST_LINE_FLAGS_NO_TRUST_LINE)
    flags = line.flags.uint32 & ~cleared | added
    if flags & _BOTH == _BOTH:
        raise OperationFailed(SetTrustLineFlagsResultCode.SET_TRUST_LINE_FLAGS_INVALID_STATE)
    return _write_flags(scene, line, operation.asset, flags)


def check_allow_trust(body: xdr.OperationBody, source: bytes) -> int:
    operation = body.allow_trust_op
    assert operation is not None
    malformed = (
        operation.authorize.uint32 not in (0, _AUTHORIZED, _MAINTAINS)
        or not is_valid_asset(_own_asset(operation.asset, source))
        or public_key(operation.trustor) == source
    )
    return AllowTrustResultCode.ALLOW_TRUST_MALFORMED if malformed else 0


def allow_trust(body: xdr.OperationBody, scene: Scene) -> Success:
    operation = body.allow_trust_op
    assert operation is not None
    authorize = operation.authorize.uint32
    may_revoke = _may_revoke(scene)
    if not may_revoke and not authorize:
        raise OperationFailed(AllowTrustResultCode.ALLOW_TRUST_CANT_REVOKE)
    asset = _own_asset(operation.asset, scene.source)
    line = find_trustline(scene.entries.layer, public_key(operation.trustor), asset)
    if line is None:
        raise OperationFailed(AllowTrustResultCode.ALLOW_TRUST_NO_TRUST_LINE)
    if not may_revoke and line.flags.uint32 & _AUTHORIZED and authorize == _MAINTAINS:
        raise OperationFailed(AllowTrustResultCode.ALLOW_TRUST_CANT_REVOKE)
    return _write_flags(scene, line, asset, line.flags.uint32 & ~_BOTH | authorize)


def check_clawback(body: xdr.OperationBody, source: bytes) -> int:
    operation = body.clawback_op
    assert operation is not None
    malformed = (
        account_of(operation.from_) == source
        or operation.amount.int64 < 1
        or not is_valid_asset(operation.asset)
        or asset_issuer(operation.asset) != source
    )
    return ClawbackResultCode.CLAWBACK_MALFORMED if malformed else 0


def clawback(body: xdr.OperationBody, scene: Scene) -> Success:
    operation = body.clawback_op
    assert operation is not None
    holder = account_of(operation.from_)
    amount = operation.amount.int64
    line = find_trustline(scene.entries.layer, holder, operation.asset)
    if line is None:
        raise OperationFailed(ClawbackResultCode.CLAWBACK_NO_TRUST)
    if not line.flags.uint32 & _CLAWBACK:
        raise OperationFailed(ClawbackResultCode.CLAWBACK_NOT_CLAWBACK_ENABLED)
    lowest, _ = line_range(line)
    if line.balance.int64 - amount < lowest:
        raise OperationFailed(ClawbackResultCode.CLAWBACK_UNDERFUNDED)
    scene.entries.put_trustline(with_line_balance(line, line.balance.int64 - amount))
    event = asset_events.clawback_event(scene.network_id, operation.asset, holder, amount)
    return Success((event,))


def _may_revoke(scene: Scene) -> bool:
    return bool(scene.source_account().flags.uint32 & AccountFlags.AUTH_REVOCABLE_FLAG)


def _write_flags(scene: Scene, line: xdr.TrustLineEntry, asset: xdr.Asset, flags: int) -> Success:
    scene.entries.put_trustline(with_line_flags(line, flags))
    trustor = public_key(line.account_id)
    authorized = bool(flags & _AUTHORIZED)
    return Success((asset_events.set_authorized_event(scene.network_id, asset, trustor, authorized),))


def _own_asset(code: xdr.AssetCode, issuer: bytes) -> xdr.Asset:
    """The asset of a code that the source issues."""
    if code.asset_code4 is not None:
        return xdr.Asset(code.type, alpha_num4=xdr.AlphaNum4(code.asset_code4, account_id(issuer)))
    assert code.asset_code12 is not None
    return xdr.Asset(code.type, alpha_num12=xdr.AlphaNum12(code.asset_code12, account_id(issuer)))
