"""Entries and signers that cost a reserve: who pays for it when they come, and gets it back when they go.

A reserve is the owner's to pay, unless somebody sponsors the owner's reserves in this transaction.
"""

from stellar_sdk import xdr
from stellar_sdk.xdr import OperationResultCode

from localnet.ledger.accounts import MAX_SUBENTRIES, account_key, with_subentries
from localnet.ledger.classic_entries import ClassicEntries
from localnet.ledger.sponsorships import (
    AccountSigner,
    account_signers,
    entry_sponsor,
    with_counts,
    with_signers,
)
from localnet.transactions.classic.operation import OperationFailed, OperationRefused, Scene

ACCOUNT_RESERVES = 2


def create_account_entry(scene: Scene, account: xdr.AccountEntry, key: bytes, low_reserve: int) -> None:
    """A new account has its two reserves, or a sponsor who has."""
    sponsor = scene.sponsors.get(key)
    if sponsor is None:
        if account.balance.int64 < ACCOUNT_RESERVES * scene.settings.base_reserve_stroops:
            raise OperationFailed(low_reserve)
        scene.entries.put_account(account)
        return
    scene.require_reserves(sponsor, ACCOUNT_RESERVES, low_reserve)
    scene.entries.change_counts(sponsor, sponsoring=ACCOUNT_RESERVES)
    scene.entries.put_account(with_counts(account, sponsored=ACCOUNT_RESERVES))
    scene.entries.set_sponsor(account_key(key), sponsor)


def remove_account_entry(entries: ClassicEntries, key: bytes) -> None:
    """Signers go first, the last one first; their sponsors have their reserves back."""
    while entries.get_account(key).signers:
        remove_signer(entries, key, account_signers(entries.get_account(key))[-1])
    sponsor = _sponsor_of(entries, account_key(key))
    if sponsor is not None:
        entries.change_counts(sponsor, sponsoring=-ACCOUNT_RESERVES)
    entries.layer.put(account_key(key), None)


def create_subentry(scene: Scene, key: bytes, data: xdr.LedgerEntryData, low_reserve: int) -> None:
    """A new trustline or data entry of the source."""
    sponsor = _pay_subentry(scene, low_reserve)
    scene.entries.put(key, data)
    if sponsor is not None:
        scene.entries.set_sponsor(key, sponsor)


def remove_subentry(scene: Scene, key: bytes) -> None:
    _release_subentry(scene.entries, scene.source, _sponsor_of(scene.entries, key))
    scene.entries.layer.put(key, None)


def add_signer(scene: Scene, signer: xdr.Signer, low_reserve: int) -> None:
    """A new signer of the source."""
    sponsor = _pay_subentry(scene, low_reserve)
    account = scene.source_account()
    added = [*account_signers(account), AccountSigner(signer, sponsor)]
    scene.entries.put_account(with_signers(account, added))


def remove_signer(entries: ClassicEntries, owner: bytes, removed: AccountSigner) -> None:
    _release_subentry(entries, owner, removed.sponsor)
    account = entries.get_account(owner)
    left = [item for item in account_signers(account) if item.signer.key != removed.signer.key]
    entries.put_account(with_signers(account, left))


def _pay_subentry(scene: Scene, low_reserve: int) -> bytes | None:
    """Counts one more subentry of the source; returns who sponsors it."""
    owner = scene.source_account()
    if owner.num_sub_entries.uint32 >= MAX_SUBENTRIES:
        raise OperationRefused(OperationResultCode.opTOO_MANY_SUBENTRIES)
    sponsor = scene.sponsors.get(scene.source)
    scene.require_reserves(scene.source if sponsor is None else sponsor, 1, low_reserve)
    counted = with_subentries(owner, owner.num_sub_entries.uint32 + 1)
    scene.entries.put_account(with_counts(counted, sponsored=int(sponsor is not None)))
    if sponsor is not None:
        scene.entries.change_counts(sponsor, sponsoring=1)
    return sponsor


def _release_subentry(entries: ClassicEntries, owner: bytes, sponsor: bytes | None) -> None:
    account = entries.get_account(owner)
    counted = with_subentries(account, account.num_sub_entries.uint32 - 1)
    entries.put_account(with_counts(counted, sponsored=-int(sponsor is not None)))
    if sponsor is not None:
        entries.change_counts(sponsor, sponsoring=-1)


def _sponsor_of(entries: ClassicEntries, key: bytes) -> bytes | None:
    entry = entries.layer.find(key)
    assert entry is not None
    return entry_sponsor(entry)
