"""Trustlines: their limits."""

from stellar_sdk import xdr
from stellar_sdk.xdr import ChangeTrustResultCode, TrustLineFlags

from localnet.ledger.accounts import find_trustline, new_trustline, trustline_key, with_limit
from localnet.ledger.assets import asset_issuer, is_valid_asset, trusted_asset
from localnet.transactions.classic.operation import OperationFailed, Scene, Success
from localnet.transactions.classic.reserves import create_subentry, remove_subentry


def check_change_trust(body: xdr.OperationBody, source: bytes) -> int:
    operation = body.change_trust_op
    assert operation is not None
    asset = trusted_asset(operation.line)
    assert asset is not None
    malformed = (
        operation.limit.int64 < 0 or not is_valid_asset(asset) or asset_issuer(asset) in (None, source)
    )
    return ChangeTrustResultCode.CHANGE_TRUST_MALFORMED if malformed else 0


def change_trust(body: xdr.OperationBody, scene: Scene) -> Success:
    operation = body.change_trust_op
    assert operation is not None
    asset = trusted_asset(operation.line)
    assert asset is not None
    limit = operation.limit.int64
    line = find_trustline(scene.entries.layer, scene.source, asset)
    if line is None:
        _open(scene, asset, limit)
    elif limit < _least_limit(line):
        raise OperationFailed(ChangeTrustResultCode.CHANGE_TRUST_INVALID_LIMIT)
    elif limit == 0:
        if _is_in_pool(line):
            raise OperationFailed(ChangeTrustResultCode.CHANGE_TRUST_CANNOT_DELETE)
        remove_subentry(scene, trustline_key(scene.source, asset))
    else:
        _issuer(scene, asset)
        scene.entries.put_trustline(with_limit(line, limit))
    return Success()


def _open(scene: Scene, asset: xdr.Asset, limit: int) -> None:
    if limit == 0:
        raise OperationFailed(ChangeTrustResultCode.CHANGE_TRUST_INVALID_LIMIT)
    issuer = _issuer(scene, asset)
    line = new_trustline(scene.source, asset, limit, _new_line_flags(issuer))
    data = xdr.LedgerEntryData(xdr.LedgerEntryType.TRUSTLINE, trust_line=line)
    key = trustline_key(scene.source, asset)
    create_subentry(scene, key, data, ChangeTrustResultCode.CHANGE_TRUST_LOW_RESERVE)


def _least_limit(line: xdr.TrustLineEntry) -> int:
    """What the line holds, and what its offers buy."""
    return line.balance.int64 + (0 if line.ext.v1 is None else line.ext.v1.liabilities.buying.int64)


def _is_in_pool(line: xdr.TrustLineEntry) -> bool:
    """Whether a liquidity pool's share depends on the line; only a forked chain has those."""
    second = None if line.ext.v1 is None else line.ext.v1.ext.v2
    return second is not None and second.liquidity_pool_use_count.int32 > 0


def _issuer(scene: Scene, asset: xdr.Asset) -> xdr.AccountEntry:
    key = asset_issuer(asset)
    assert key is not None
    issuer = scene.entries.find_account(key)
    if issuer is None:
        raise OperationFailed(ChangeTrustResultCode.CHANGE_TRUST_NO_ISSUER)
    return issuer


def _new_line_flags(issuer: xdr.AccountEntry) -> int:
    flags = 0
    if not issuer.flags.uint32 & xdr.AccountFlags.AUTH_REQUIRED_FLAG:
        flags |= TrustLineFlags.AUTHORIZED_FLAG
    if issuer.flags.uint32 & xdr.AccountFlags.AUTH_CLAWBACK_ENABLED_FLAG:
        flags |= TrustLineFlags.TRUSTLINE_CLAWBACK_ENABLED_FLAG
    return flags
