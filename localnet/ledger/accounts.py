"""Accounts and trustlines in the ledger: keys, balances, reserves, sequence numbers.

Entries are never changed in place: each function here returns a new one.
"""

from typing import TypeVar

from stellar_sdk import xdr

from kale.constants import I64_MAX
from localnet.ledger import wire
from localnet.ledger.entries import EntryReader, StoredEntry
from localnet.network_settings import NetworkSettings

_E = TypeVar("_E", xdr.AccountEntry, xdr.TrustLineEntry)

MAX_SUBENTRIES = 1_000
MAX_SIGNER_WEIGHT = 255

_ED25519_PREFIX = wire.int32(xdr.PublicKeyType.PUBLIC_KEY_TYPE_ED25519)
_ACCOUNT_KEY_PREFIX = wire.int32(xdr.LedgerEntryType.ACCOUNT) + _ED25519_PREFIX
_TRUSTLINE_KEY_PREFIX = wire.int32(xdr.LedgerEntryType.TRUSTLINE) + _ED25519_PREFIX
_DATA_KEY_PREFIX = wire.int32(xdr.LedgerEntryType.DATA) + _ED25519_PREFIX
_ALPHANUM4_PREFIX = wire.int32(xdr.AssetType.ASSET_TYPE_CREDIT_ALPHANUM4)

# What each version of an account's extensions adds to its encoding: liabilities and ext; sponsoring counts,
# an empty array of sponsors and ext; ext, ledger and time of the last sequence number.
_EXTENSION_1_BYTES = 16 + 4
_EXTENSION_2_BYTES = 4 + 4 + 4 + 4
_EXTENSION_3_BYTES = 4 + 4 + 8


def account_key(public_key: bytes) -> bytes:
    """LedgerKey XDR of an account, from its 32-byte key."""
    return _ACCOUNT_KEY_PREFIX + public_key


def trustline_key(holder: bytes, asset: xdr.Asset | xdr.TrustLineAsset) -> bytes:
    """LedgerKey XDR of a trustline; an asset that is no liquidity pool encodes like itself in there."""
    if asset.alpha_num4 is None:
        return _TRUSTLINE_KEY_PREFIX + holder + asset.to_xdr_bytes()
    code, issuer = asset.alpha_num4.asset_code.asset_code4, public_key(asset.alpha_num4.issuer)
    return _TRUSTLINE_KEY_PREFIX + holder + _ALPHANUM4_PREFIX + code + _ED25519_PREFIX + issuer


def data_key(holder: bytes, name: bytes) -> bytes:
    """LedgerKey XDR of a data entry, from its account and its name."""
    return _DATA_KEY_PREFIX + holder + wire.opaque(name)


def public_key(account: xdr.AccountID) -> bytes:
    """The 32-byte key of an account."""
    key = account.account_id.ed25519
    assert key is not None
    return key.uint256


def account_id(public_key: bytes) -> xdr.AccountID:
    return xdr.AccountID(
        xdr.PublicKey(xdr.PublicKeyType.PUBLIC_KEY_TYPE_ED25519, ed25519=xdr.Uint256(public_key))
    )


def find_account(reader: EntryReader, public_key: bytes) -> xdr.AccountEntry | None:
    entry = reader.find(account_key(public_key))
    return None if entry is None else entry.account


def find_trustline(reader: EntryReader, holder: bytes, asset: xdr.Asset) -> xdr.TrustLineEntry | None:
    entry = reader.find(trustline_key(holder, asset))
    return None if entry is None else entry.trustline


def new_account(public_key: bytes, balance_stroops: int, sequence: int) -> xdr.AccountEntry:
    """An account as CreateAccount makes it: master key of weight 1, thresholds 0."""
    return xdr.AccountEntry(
        account_id=account_id(public_key),
        balance=xdr.Int64(balance_stroops),
        seq_num=xdr.SequenceNumber(xdr.Int64(sequence)),
        num_sub_entries=xdr.Uint32(0),
        inflation_dest=None,
        flags=xdr.Uint32(0),
        home_domain=xdr.String32(b""),
        thresholds=xdr.Thresholds(b"\x01\x00\x00\x00"),
        signers=[],
        ext=xdr.AccountEntryExt(0),
    )


def new_trustline(holder: bytes, asset: xdr.Asset, limit_stroops: int, flags: int) -> xdr.TrustLineEntry:
    """An empty trustline."""
    return xdr.TrustLineEntry(
        account_id=account_id(holder),
        asset=xdr.TrustLineAsset(asset.type, alpha_num4=asset.alpha_num4, alpha_num12=asset.alpha_num12),
        balance=xdr.Int64(0),
        limit=xdr.Int64(limit_stroops),
        flags=xdr.Uint32(flags),
        ext=xdr.TrustLineEntryExt(0),
    )


def stored_account(account: xdr.AccountEntry, sequence: int) -> StoredEntry:
    """The account as an entry that ledger `sequence` wrote."""
    return StoredEntry(xdr.LedgerEntryData(xdr.LedgerEntryType.ACCOUNT, account=account), sequence, None)


def stored_trustline(line: xdr.TrustLineEntry, sequence: int) -> StoredEntry:
    return StoredEntry(xdr.LedgerEntryData(xdr.LedgerEntryType.TRUSTLINE, trust_line=line), sequence, None)


def _copy(entry: _E) -> _E:
    """A shallow copy; copy.copy, which goes the way of pickling, takes six times as long."""
    made = object.__new__(type(entry))
    made.__dict__.update(entry.__dict__)
    return made


def with_balance(account: xdr.AccountEntry, balance_stroops: int) -> xdr.AccountEntry:
    changed = _copy(account)
    changed.balance = xdr.Int64(balance_stroops)
    return changed


def with_subentries(account: xdr.AccountEntry, count: int) -> xdr.AccountEntry:
    changed = _copy(account)
    changed.num_sub_entries = xdr.Uint32(count)
    return changed


def with_line_balance(line: xdr.TrustLineEntry, balance_stroops: int) -> xdr.TrustLineEntry:
    changed = _copy(line)
    changed.balance = xdr.Int64(balance_stroops)
    return changed


def with_limit(line: xdr.TrustLineEntry, limit_stroops: int) -> xdr.TrustLineEntry:
    changed = _copy(line)
    changed.limit = xdr.Int64(limit_stroops)
    return changed


def with_line_flags(line: xdr.TrustLineEntry, flags: int) -> xdr.TrustLineEntry:
    changed = _copy(line)
    changed.flags = xdr.Uint32(flags)
    return changed


def with_sequence(
    account: xdr.AccountEntry, number: int, ledger_sequence: int, close_time: int
) -> xdr.AccountEntry:
    """The account after a transaction used `number`, and when it did (CAP-21 asks for that)."""
    changed = _copy(account)
    changed.seq_num = xdr.SequenceNumber(xdr.Int64(number))
    first = account.ext.v1
    second = None if first is None else first.ext.v2
    used = xdr.AccountEntryExtensionV3(
        xdr.ExtensionPoint(0), xdr.Uint32(ledger_sequence), xdr.TimePoint(xdr.Uint64(close_time))
    )
    sponsored = xdr.AccountEntryExtensionV2(
        num_sponsored=xdr.Uint32(0) if second is None else second.num_sponsored,
        num_sponsoring=xdr.Uint32(0) if second is None else second.num_sponsoring,
        signer_sponsoring_i_ds=no_sponsors(account) if second is None else second.signer_sponsoring_i_ds,
        ext=xdr.AccountEntryExtensionV2Ext(3, v3=used),
    )
    liabilities = xdr.Liabilities(xdr.Int64(0), xdr.Int64(0)) if first is None else first.liabilities
    changed.ext = xdr.AccountEntryExt(
        1, v1=xdr.AccountEntryExtensionV1(liabilities, xdr.AccountEntryExtensionV1Ext(2, v2=sponsored))
    )
    return changed


def account_growth_bytes(account: xdr.AccountEntry | None) -> int:
    """Bytes that the account's extensions lack of their newest version; 0 if the entry is no account."""
    if account is None:
        return 0
    first = account.ext.v1
    if first is None:
        return _EXTENSION_1_BYTES + _EXTENSION_2_BYTES + 4 * len(account.signers) + _EXTENSION_3_BYTES
    second = first.ext.v2
    if second is None:
        return _EXTENSION_2_BYTES + 4 * len(account.signers) + _EXTENSION_3_BYTES
    return _EXTENSION_3_BYTES if second.ext.v3 is None else 0


def no_sponsors(account: xdr.AccountEntry) -> list[xdr.SponsorshipDescriptor]:
    """One place a signer, as the ledger keeps it beside the signers."""
    return [xdr.SponsorshipDescriptor(None)] * len(account.signers)


def sequence_use(account: xdr.AccountEntry) -> tuple[int, int]:
    """Ledger and close time in which the account's sequence number was last used; zeros if never."""
    first = account.ext.v1
    second = None if first is None else first.ext.v2
    third = None if second is None else second.ext.v3
    if third is None:
        return 0, 0
    return third.seq_ledger.uint32, third.seq_time.time_point.uint64


def signers(account: xdr.AccountEntry) -> dict[bytes, int]:
    """The account's ed25519 signers and their weights."""
    weights = {
        signer.key.ed25519.uint256: min(signer.weight.uint32, 255)
        for signer in account.signers
        if signer.key.ed25519 is not None
    }
    if master_weight(account):
        weights[public_key(account.account_id)] = master_weight(account)
    return weights


def master_weight(account: xdr.AccountEntry) -> int:
    """The weight of the account's own key; 0 if that may not sign."""
    return account.thresholds.thresholds[xdr.ThresholdIndexes.THRESHOLD_MASTER_WEIGHT]


def minimum_balance_stroops(account: xdr.AccountEntry, settings: NetworkSettings) -> int:
    """What the account must keep on the network."""
    return reserve_stroops(account, settings.base_reserve_stroops)


def reserve_stroops(account: xdr.AccountEntry, base_reserve_stroops: int) -> int:
    """What the account must keep: 2 + subentries + sponsoring − sponsored reserves, and what it sells."""
    entries = 2 + account.num_sub_entries.uint32
    selling = 0
    if account.ext.v1 is not None:
        selling = account.ext.v1.liabilities.selling.int64
        second = account.ext.v1.ext.v2
        if second is not None:
            entries += second.num_sponsoring.uint32 - second.num_sponsored.uint32
    return entries * base_reserve_stroops + selling


def highest_balance_stroops(account: xdr.AccountEntry) -> int:
    """What the account can hold: an i64, less what its offers buy."""
    return I64_MAX - (0 if account.ext.v1 is None else account.ext.v1.liabilities.buying.int64)


def line_range(line: xdr.TrustLineEntry) -> tuple[int, int]:
    """The least and the most that the trustline can hold: its offers' sales, and the limit less purchases."""
    if line.ext.v1 is None:
        return 0, line.limit.int64
    liabilities = line.ext.v1.liabilities
    return liabilities.selling.int64, line.limit.int64 - liabilities.buying.int64


def available_stroops(account: xdr.AccountEntry, settings: NetworkSettings) -> int:
    """XLM that may be spent; negative when the account is below its reserve."""
    return account.balance.int64 - minimum_balance_stroops(account, settings)
