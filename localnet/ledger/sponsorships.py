"""Who pays for whose reserves (CAP-33): sponsors of entries and of signers, and the counts in accounts.

Nothing is changed in place: each function here returns a new account.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from stellar_sdk import xdr

from localnet.ledger import wire
from localnet.ledger.accounts import account_id, no_sponsors, public_key
from localnet.ledger.entries import NO_EXTENSION, StoredEntry

_VERSION_1 = wire.int32(1)
_ED25519 = wire.int32(xdr.PublicKeyType.PUBLIC_KEY_TYPE_ED25519)
_SPONSORED_PREFIX = _VERSION_1 + wire.present(_ED25519)
_PUBLIC_KEY_BYTES = 32


@dataclass(frozen=True)
class AccountSigner:
    """A signer of an account beside its own key, and who pays for its reserve; None is the account."""

    signer: xdr.Signer
    sponsor: bytes | None = None


def sponsor_extension(sponsor: bytes | None) -> bytes:
    """XDR `LedgerEntryExt` of an entry that has a sponsor, or had one."""
    if sponsor is None:
        return _VERSION_1 + wire.ABSENT + wire.ABSENT
    return _SPONSORED_PREFIX + sponsor + wire.ABSENT


def entry_sponsor(entry: StoredEntry) -> bytes | None:
    """The key of who pays for an entry's reserve; None if its owner does."""
    if entry.extension == NO_EXTENSION or not entry.extension.startswith(_SPONSORED_PREFIX):
        return None
    start = len(_SPONSORED_PREFIX)
    return entry.extension[start : start + _PUBLIC_KEY_BYTES]


def sponsoring_count(account: xdr.AccountEntry) -> int:
    """Reserves that the account pays for others."""
    second = _extension(account)
    return 0 if second is None else second.num_sponsoring.uint32


def with_counts(account: xdr.AccountEntry, *, sponsored: int = 0, sponsoring: int = 0) -> xdr.AccountEntry:
    """The account with so many more (or less) reserves that others pay, and that it pays for others."""
    if not sponsored and not sponsoring:
        return account
    second = copy.copy(_extension(account)) or _new_extension(account)
    second.num_sponsored = xdr.Uint32(second.num_sponsored.uint32 + sponsored)
    second.num_sponsoring = xdr.Uint32(second.num_sponsoring.uint32 + sponsoring)
    return _with_extension(account, second)


def account_signers(account: xdr.AccountEntry) -> list[AccountSigner]:
    second = _extension(account)
    if second is None:
        return [AccountSigner(signer) for signer in account.signers]
    sponsors = (sponsor.sponsorship_descriptor for sponsor in second.signer_sponsoring_i_ds)
    return [
        AccountSigner(signer, None if sponsor is None else public_key(sponsor))
        for signer, sponsor in zip(account.signers, sponsors, strict=True)
    ]


def with_signers(account: xdr.AccountEntry, signers: Sequence[AccountSigner]) -> xdr.AccountEntry:
    """The account with exactly these signers, in the ledger's order."""
    ordered = sorted(signers, key=lambda item: _order(item.signer.key))
    changed = copy.copy(account)
    changed.signers = [item.signer for item in ordered]
    second = copy.copy(_extension(account))
    if second is None:
        if all(item.sponsor is None for item in ordered):
            return changed
        second = _new_extension(account)
    second.signer_sponsoring_i_ds = [_descriptor(item.sponsor) for item in ordered]
    return _with_extension(changed, second)


def _order(key: xdr.SignerKey) -> tuple[int, bytes, bytes]:
    if key.ed25519_signed_payload is not None:
        return key.type, key.ed25519_signed_payload.ed25519.uint256, key.ed25519_signed_payload.payload
    return key.type, key.to_xdr_bytes()[4:], b""


def _extension(account: xdr.AccountEntry) -> xdr.AccountEntryExtensionV2 | None:
    return None if account.ext.v1 is None else account.ext.v1.ext.v2


def _new_extension(account: xdr.AccountEntry) -> xdr.AccountEntryExtensionV2:
    return xdr.AccountEntryExtensionV2(
        num_sponsored=xdr.Uint32(0),
        num_sponsoring=xdr.Uint32(0),
        signer_sponsoring_i_ds=no_sponsors(account),
        ext=xdr.AccountEntryExtensionV2Ext(0),
    )


def _with_extension(account: xdr.AccountEntry, second: xdr.AccountEntryExtensionV2) -> xdr.AccountEntry:
    first = account.ext.v1
    liabilities = xdr.Liabilities(xdr.Int64(0), xdr.Int64(0)) if first is None else first.liabilities
    changed = copy.copy(account)
    changed.ext = xdr.AccountEntryExt(
        1, v1=xdr.AccountEntryExtensionV1(liabilities, xdr.AccountEntryExtensionV1Ext(2, v2=second))
    )
    return changed


def _descriptor(sponsor: bytes | None) -> xdr.SponsorshipDescriptor:
    return xdr.SponsorshipDescriptor(None if sponsor is None else account_id(sponsor))
