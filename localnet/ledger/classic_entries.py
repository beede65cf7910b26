"""Accounts, trustlines and data on a layer, written as of one ledger."""

from dataclasses import dataclass

from stellar_sdk import xdr

from localnet.ledger.accounts import account_key, find_account, public_key, trustline_key
from localnet.ledger.entries import NO_EXTENSION, StoredEntry
from localnet.ledger.sponsorships import sponsor_extension, with_counts
from localnet.ledger.state import Layer


@dataclass(frozen=True)
class ClassicEntries:
    layer: Layer
    sequence: int

    def find_account(self, key: bytes) -> xdr.AccountEntry | None:
        return find_account(self.layer, key)

    def get_account(self, key: bytes) -> xdr.AccountEntry:
        """An account that rules before have found: a source, a receiver."""
        account = find_account(self.layer, key)
        assert account is not None
        return account

    def put_account(self, account: xdr.AccountEntry) -> None:
        data = xdr.LedgerEntryData(xdr.LedgerEntryType.ACCOUNT, account=account)
        self.put(account_key(public_key(account.account_id)), data)

    def put_trustline(self, line: xdr.TrustLineEntry) -> None:
        data = xdr.LedgerEntryData(xdr.LedgerEntryType.TRUSTLINE, trust_line=line)
        self.put(trustline_key(public_key(line.account_id), line.asset), data)

    def put(self, key: bytes, data: xdr.LedgerEntryData) -> None:
        """Writes an entry; one that was there before keeps its sponsor."""
        before = self.layer.find(key)
        extension = NO_EXTENSION if before is None else before.extension
        self.layer.put(key, StoredEntry(data, self.sequence, None, extension))

    def set_sponsor(self, key: bytes, sponsor: bytes | None) -> None:
        """Names who pays for the reserve of an entry that is there; None is its owner."""
        entry = self.layer.find(key)
        assert entry is not None
        self.layer.put(key, StoredEntry(entry.data, self.sequence, None, sponsor_extension(sponsor)))

    def change_counts(self, key: bytes, *, sponsored: int = 0, sponsoring: int = 0) -> None:
        """Changes how many reserves others pay for an account, or it pays for others.

        Whoever a fork has left behind is not counted.
        """
        account = self.find_account(key)
        if account is not None and (sponsored or sponsoring):
            self.put_account(with_counts(account, sponsored=sponsored, sponsoring=sponsoring))
