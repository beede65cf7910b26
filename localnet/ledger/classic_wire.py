"""XDR of accounts and trustlines by joining: each transaction writes an account three times."""

from struct import Struct
from typing import Final

from stellar_sdk import xdr

from localnet.ledger import wire

_ED25519: Final = wire.int32(xdr.PublicKeyType.PUBLIC_KEY_TYPE_ED25519)
_ACCOUNT: Final = wire.int32(xdr.LedgerEntryType.ACCOUNT) + _ED25519
_TRUSTLINE: Final = wire.int32(xdr.LedgerEntryType.TRUSTLINE) + _ED25519
_ALPHANUM4: Final = wire.int32(xdr.AssetType.ASSET_TYPE_CREDIT_ALPHANUM4)
_VERSION: Final = Struct(">i")
#: Balance, sequence number, count of subentries, and no inflation destination.
_ACCOUNT_NUMBERS: Final = Struct(">qqII")
#: The same, flags, no home domain, thresholds, no signers, and the three extensions.
_USED_ACCOUNT: Final = Struct(">8s32sqqIIII4sIiqqiIIIiiIQ")
_LIABILITIES: Final = Struct(">iqqi")
_SPONSORSHIPS: Final = Struct(">II")
_SEQUENCE_USE: Final = Struct(">iiIQ")
_LINE_NUMBERS: Final = Struct(">qqI")


def encode_account(data: xdr.LedgerEntryData) -> bytes:
    """XDR `LedgerEntryData` of an account."""
    account = data.account
    assert account is not None
    key = account.account_id.account_id.ed25519
    assert key is not None
    if account.inflation_dest is not None or account.signers:
        return data.to_xdr_bytes()
    plain = _encode_used_account(account, key.uint256)
    if plain is not None:
        return plain
    numbers = _ACCOUNT_NUMBERS.pack(
        account.balance.int64,
        account.seq_num.sequence_number.int64,
        account.num_sub_entries.uint32,
        0,
    )
    return (
        _ACCOUNT
        + key.uint256
        + numbers
        + wire.uint32(account.flags.uint32)
        + wire.opaque(account.home_domain.string32)
        + account.thresholds.thresholds
        + wire.array(())
        + _account_extension(account.ext)
    )


def _encode_used_account(account: xdr.AccountEntry, key: bytes) -> bytes | None:
    """An account that has sent a transaction and has neither signers nor home domain; None for others.

    Nearly all are like this, and numbers are all that differs.
    """
    first = account.ext.v1
    second = None if first is None else first.ext.v2
    third = None if second is None else second.ext.v3
    if first is None or second is None or third is None:
        return None
    if account.home_domain.string32 or second.signer_sponsoring_i_ds:
        return None
    return _USED_ACCOUNT.pack(
        _ACCOUNT,
        key,
        account.balance.int64,
        account.seq_num.sequence_number.int64,
        account.num_sub_entries.uint32,
        0,
        account.flags.uint32,
        0,
        account.thresholds.thresholds,
        0,
        1,
        first.liabilities.buying.int64,
        first.liabilities.selling.int64,
        2,
        second.num_sponsored.uint32,
        second.num_sponsoring.uint32,
        0,
        3,
        0,
        third.seq_ledger.uint32,
        third.seq_time.time_point.uint64,
    )


def _account_extension(ext: xdr.AccountEntryExt) -> bytes:
    """Liabilities, sponsorships and the last use of the sequence number, as far as the account has them."""
    first = ext.v1
    if first is None:
        return _VERSION.pack(0)
    second = first.ext.v2
    liabilities = _LIABILITIES.pack(
        1, first.liabilities.buying.int64, first.liabilities.selling.int64, 0 if second is None else 2
    )
    if second is None:
        return liabilities
    third = second.ext.v3
    sponsors = wire.array(
        wire.ABSENT if sponsor.sponsorship_descriptor is None else sponsor.to_xdr_bytes()
        for sponsor in second.signer_sponsoring_i_ds
    )
    sponsorships = _SPONSORSHIPS.pack(second.num_sponsored.uint32, second.num_sponsoring.uint32)
    if third is None:
        return liabilities + sponsorships + sponsors + _VERSION.pack(0)
    used = _SEQUENCE_USE.pack(3, 0, third.seq_ledger.uint32, third.seq_time.time_point.uint64)
    return liabilities + sponsorships + sponsors + used


def encode_trustline(data: xdr.LedgerEntryData) -> bytes:
    """XDR `LedgerEntryData` of a trustline."""
    line = data.trust_line
    assert line is not None
    asset = line.asset.alpha_num4
    key = line.account_id.account_id.ed25519
    if asset is None or key is None or line.ext.v1 is not None:
        return data.to_xdr_bytes()
    issuer = asset.issuer.account_id.ed25519
    assert issuer is not None
    return (
        _TRUSTLINE
        + key.uint256
        + _ALPHANUM4
        + asset.asset_code.asset_code4
        + _ED25519
        + issuer.uint256
        + _LINE_NUMBERS.pack(line.balance.int64, line.limit.int64, line.flags.uint32)
        + _VERSION.pack(0)
    )
