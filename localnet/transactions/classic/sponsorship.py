"""Sponsored reserves (CAP-33): begin, end, and revoke."""

from collections.abc import Callable
from dataclasses import dataclass

from stellar_sdk import xdr
from stellar_sdk.xdr import (
    BeginSponsoringFutureReservesResultCode,
    EndSponsoringFutureReservesResultCode,
    LedgerEntryType,
    RevokeSponsorshipResultCode,
)

from localnet.ledger.accounts import public_key
from localnet.ledger.assets import asset_issuer, is_valid_asset, trusted_asset
from localnet.ledger.entry_keys import key_bytes
from localnet.ledger.sponsorships import AccountSigner, account_signers, entry_sponsor, with_signers
from localnet.transactions.classic.operation import OperationFailed, Scene, Success
from localnet.transactions.classic.reserves import ACCOUNT_RESERVES
from localnet.transactions.classic.text import is_plain_text


def check_begin(body: xdr.OperationBody, source: bytes) -> int:
    operation = body.begin_sponsoring_future_reserves_op
    assert operation is not None
    if public_key(operation.sponsored_id) == source:
        return BeginSponsoringFutureReservesResultCode.BEGIN_SPONSORING_FUTURE_RESERVES_MALFORMED
    return 0


def begin(body: xdr.OperationBody, scene: Scene) -> Success:
    operation = body.begin_sponsoring_future_reserves_op
    assert operation is not None
    sponsored = public_key(operation.sponsored_id)
    if sponsored in scene.sponsors:
        raise OperationFailed(
            BeginSponsoringFutureReservesResultCode.BEGIN_SPONSORING_FUTURE_RESERVES_ALREADY_SPONSORED
        )
    if scene.source in scene.sponsors or sponsored in scene.sponsors.values():
        raise OperationFailed(
            BeginSponsoringFutureReservesResultCode.BEGIN_SPONSORING_FUTURE_RESERVES_RECURSIVE
        )
    scene.sponsors[sponsored] = scene.source
    return Success()


def check_end(_: xdr.OperationBody, __: bytes) -> int:
    return 0


def end(_: xdr.OperationBody, scene: Scene) -> Success:
    if scene.source not in scene.sponsors:
        raise OperationFailed(
            EndSponsoringFutureReservesResultCode.END_SPONSORING_FUTURE_RESERVES_NOT_SPONSORED
        )
    del scene.sponsors[scene.source]
    return Success()


def check_revoke(body: xdr.OperationBody, _: bytes) -> int:
    operation = body.revoke_sponsorship_op
    assert operation is not None
    sound = operation.ledger_key is None or _is_key_sound(operation.ledger_key)
    return 0 if sound else RevokeSponsorshipResultCode.REVOKE_SPONSORSHIP_MALFORMED


def _is_key_sound(key: xdr.LedgerKey) -> bool:
    if key.trust_line is not None:
        asset = trusted_asset(key.trust_line.asset)
        issuer = None if asset is None else asset_issuer(asset)
        return asset is None or (
            is_valid_asset(asset) and issuer not in (None, public_key(key.trust_line.account_id))
        )
    if key.offer is not None:
        return key.offer.offer_id.int64 > 0
    if key.data is not None:
        return bool(key.data.data_name.string64) and is_plain_text(key.data.data_name.string64)
    return key.type in (LedgerEntryType.ACCOUNT, LedgerEntryType.CLAIMABLE_BALANCE)


@dataclass(frozen=True)
class _Reserve:
    """What reserves are paid for: whose it is, its sponsor, how many, and how to write another sponsor."""

    owner: bytes
    sponsor: bytes | None
    count: int
    set_sponsor: Callable[[bytes | None], None]


def revoke(body: xdr.OperationBody, scene: Scene) -> Success:
    """Moves a reserve from its sponsor to the owner, or to whoever sponsors the source now."""
    operation = body.revoke_sponsorship_op
    assert operation is not None
    if operation.ledger_key is not None:
        reserve = _reserve_of_entry(scene, operation.ledger_key)
    else:
        assert operation.signer is not None
        reserve = _reserve_of_signer(scene, operation.signer)
    if scene.source != (reserve.owner if reserve.sponsor is None else reserve.sponsor):
        raise OperationFailed(RevokeSponsorshipResultCode.REVOKE_SPONSORSHIP_NOT_SPONSOR)
    _move(scene, reserve)
    return Success()


def _move(scene: Scene, reserve: _Reserve) -> None:
    successor = scene.sponsors.get(scene.source)
    if successor == reserve.owner:
        successor = None
    if reserve.sponsor is None and successor is None:
        return
    payer = reserve.owner if successor is None else successor
    scene.require_reserves(payer, reserve.count, RevokeSponsorshipResultCode.REVOKE_SPONSORSHIP_LOW_RESERVE)
    if reserve.sponsor is not None:
        scene.entries.change_counts(reserve.sponsor, sponsoring=-reserve.count)
        scene.entries.change_counts(reserve.owner, sponsored=-reserve.count)
    if successor is not None:
        scene.entries.change_counts(successor, sponsoring=reserve.count)
        scene.entries.change_counts(reserve.owner, sponsored=reserve.count)
    reserve.set_sponsor(successor)


def _reserve_of_entry(scene: Scene, ledger_key: xdr.LedgerKey) -> _Reserve:
    key = key_bytes(ledger_key)
    entry = scene.entries.layer.find(key)
    owned = None if entry is None else entry.data.account or entry.data.trust_line or entry.data.data
    if entry is None or owned is None:
        raise OperationFailed(RevokeSponsorshipResultCode.REVOKE_SPONSORSHIP_DOES_NOT_EXIST)
    return _Reserve(
        owner=public_key(owned.account_id),
        sponsor=entry_sponsor(entry),
        count=ACCOUNT_RESERVES if entry.data.account is not None else 1,
        set_sponsor=lambda sponsor: scene.entries.set_sponsor(key, sponsor),
    )


def _reserve_of_signer(scene: Scene, named: xdr.RevokeSponsorshipOpSigner) -> _Reserve:
    owner = public_key(named.account_id)
    account = scene.entries.find_account(owner)
    signers = [] if account is None else account_signers(account)
    known = next((item for item in signers if item.signer.key == named.signer_key), None)
    if known is None:
        raise OperationFailed(RevokeSponsorshipResultCode.REVOKE_SPONSORSHIP_DOES_NOT_EXIST)

    def set_sponsor(sponsor: bytes | None) -> None:
        sponsored = AccountSigner(known.signer, sponsor)
        changed = [sponsored if item.signer is known.signer else item for item in signers]
        scene.entries.put_account(with_signers(scene.entries.get_account(owner), changed))

    return _Reserve(owner, known.sponsor, 1, set_sponsor)
