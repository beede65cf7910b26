"""Where G addresses hold an asset: a credit asset in their trustlines, XLM in their accounts.

Both have the same methods; errors are the contract's: 6 without an account, 10 for a range that a balance
would leave, 13 without a trustline, 14 for too small a reserve, 15 for too many subentries.
"""

from functools import lru_cache
from typing import Final, Protocol

from stellar_sdk import Asset, xdr

from kale.addresses import account_key_bytes
from kale.constants import I64_MAX
from kale.contract_errors import TokenError
from localnet.ledger import value_wire
from localnet.ledger.accounts import (
    MAX_SUBENTRIES,
    account_key,
    highest_balance_stroops,
    line_range,
    new_account,
    new_trustline,
    reserve_stroops,
    trustline_key,
    with_balance,
    with_line_balance,
    with_line_flags,
    with_subentries,
)
from localnet.soroban.contract_env import ContractEnv
from localnet.soroban.errors import ErrorCode, HostError

_LINE_FLAGS: Final = xdr.TrustLineFlags
_ACCOUNT_FLAGS: Final = xdr.AccountFlags


class ClassicHoldings(Protocol):
    """Balances of G addresses; amounts fit an i64."""

    def balance(self, holder: str) -> int:
        """Stroops."""

    def is_authorized(self, holder: str) -> bool:
        """Whether the holder may receive and spend."""

    def change(self, holder: str, change: int) -> None:
        """Adds to the balance, or takes from it."""

    def check_clawback(self, holder: str) -> None:
        """Refuses unless the holder's balance may be taken back."""

    def authorize(self, holder: str, *, authorized: bool) -> None:
        """Lets the holder receive and spend, or stops them."""

    def trust(self, holder: str) -> None:
        """Makes a place to hold the asset if there is none."""

    def issuer_has(self, flag: xdr.AccountFlags) -> bool:
        """Whether the asset's issuer has set a flag."""


class Trustlines:
    """Holdings of a credit asset. The issuer has no line: paying it destroys, being paid by it creates."""

    def __init__(self, env: ContractEnv, code: str, issuer: str) -> None:
        self._env = env
        self._code = code
        self._issuer = issuer

    def balance(self, holder: str) -> int:
        if holder == self._issuer:
            return I64_MAX
        line = self._line(holder)
        return _checked_balance(self._env, "trustline", line.balance.int64, *line_range(line))

    def is_authorized(self, holder: str) -> bool:
        return holder == self._issuer or bool(self._line(holder).flags.uint32 & _LINE_FLAGS.AUTHORIZED_FLAG)

    def change(self, holder: str, change: int) -> None:
        if holder == self._issuer:
            return
        line = self._line(holder)
        balance = _changed_balance(self._env, line.balance.int64, change, *line_range(line))
        self._put(holder, with_line_balance(line, balance))

    def check_clawback(self, holder: str) -> None:
        if holder == self._issuer:
            raise self._env.refuse(TokenError.OPERATION_NOT_SUPPORTED, "cannot clawback from issuer")
        if not self._line(holder).flags.uint32 & _LINE_FLAGS.TRUSTLINE_CLAWBACK_ENABLED_FLAG:
            raise self._env.refuse(TokenError.BALANCE, "trustline isn't clawbackable")

    def authorize(self, holder: str, *, authorized: bool) -> None:
        """Who is stopped keeps offers and liabilities, as with SetTrustLineFlags."""
        if holder == self._issuer:
            raise self._env.refuse(TokenError.OPERATION_NOT_SUPPORTED, "issuer doesn't have a trustline")
        line = self._line(holder)
        if bool(line.flags.uint32 & _LINE_FLAGS.AUTHORIZED_FLAG) == authorized:
            return
        added, removed = _LINE_FLAGS.AUTHORIZED_FLAG, _LINE_FLAGS.AUTHORIZED_TO_MAINTAIN_LIABILITIES_FLAG
        if not authorized:
            added, removed = removed, added
        self._put(holder, with_line_flags(line, line.flags.uint32 & ~removed | added))

    def trust(self, holder: str) -> None:
        """An unlimited line, if the holder authorises it (CAP-73)."""
        if holder == self._issuer:
            raise self._env.refuse(TokenError.OPERATION_NOT_SUPPORTED, "cannot create trustline for issuer")
        if self._env.classic_entry(self._key(holder)) is not None:
            return
        self._env.require_auth(holder)
        flags = 0
        if not self.issuer_has(_ACCOUNT_FLAGS.AUTH_REQUIRED_FLAG):
            flags |= _LINE_FLAGS.AUTHORIZED_FLAG
        if self.issuer_has(_ACCOUNT_FLAGS.AUTH_CLAWBACK_ENABLED_FLAG):
            flags |= _LINE_FLAGS.TRUSTLINE_CLAWBACK_ENABLED_FLAG
        self._add_subentry(holder)
        asset = _asset(self._code, self._issuer)
        self._put(holder, new_trustline(account_key_bytes(holder), asset, I64_MAX, flags))

    def issuer_has(self, flag: xdr.AccountFlags) -> bool:
        account = _account(self._env, self._issuer)
        if account is None:
            raise self._env.storage_error(
                ErrorCode.SCEC_MISSING_VALUE, "account entry is missing", [value_wire.address(self._issuer)]
            )
        return bool(account.flags.uint32 & flag)

    def _add_subentry(self, holder: str) -> None:
        account = _existing_account(self._env, holder)
        subentries = account.num_sub_entries.uint32
        if subentries >= MAX_SUBENTRIES:
            raise self._env.refuse(
                TokenError.TOO_MANY_ACCOUNT_SUBENTRIES, "account has reached maximum number of sub-entries"
            )
        base_reserve = self._env.ledger.base_reserve_stroops
        if account.balance.int64 < reserve_stroops(account, base_reserve) + base_reserve:
            raise self._env.refuse(
                TokenError.INSUFFICIENT_ACCOUNT_RESERVE, "account has insufficient reserve for new trustline"
            )
        _put_account(self._env, holder, with_subentries(account, subentries + 1))

    def _line(self, holder: str) -> xdr.TrustLineEntry:
        data = self._env.classic_entry(self._key(holder))
        if data is None or data.trust_line is None:
            raise self._env.refuse(
                TokenError.TRUSTLINE_MISSING,
                "trustline entry is missing for account",
                [value_wire.address(holder)],
            )
        return data.trust_line

    def _put(self, holder: str, line: xdr.TrustLineEntry) -> None:
        data = xdr.LedgerEntryData(xdr.LedgerEntryType.TRUSTLINE, trust_line=line)
        self._env.put_classic_entry(self._key(holder), data)

    def _key(self, holder: str) -> bytes:
        return _line_key(self._code, self._issuer, holder)


class Accounts:
    """Holdings of XLM. There is no issuer, so nobody can authorise, claw back or trust."""

    def __init__(self, env: ContractEnv) -> None:
        self._env = env

    def balance(self, holder: str) -> int:
        account = _existing_account(self._env, holder)
        return _checked_balance(self._env, "account", account.balance.int64, *self._range(account))

    def is_authorized(self, holder: str) -> bool:
        return True

    def change(self, holder: str, change: int) -> None:
        """XLM for a missing account creates it, if it is enough for its reserve (protocol 26)."""
        account = _account(self._env, holder)
        if account is None:
            account = self._created(holder, change)
        else:
            balance = _changed_balance(self._env, account.balance.int64, change, *self._range(account))
            account = with_balance(account, balance)
        _put_account(self._env, holder, account)

    def check_clawback(self, holder: str) -> None:
        raise self._env.refuse(TokenError.OPERATION_NOT_SUPPORTED, "cannot clawback native asset")

    def authorize(self, holder: str, *, authorized: bool) -> None:
        raise self._env.refuse(TokenError.OPERATION_NOT_SUPPORTED, "expected trustline asset")

    def trust(self, holder: str) -> None:
        raise self._env.refuse(
            TokenError.OPERATION_NOT_SUPPORTED, "trust operation is not supported for native asset"
        )

    def issuer_has(self, flag: xdr.AccountFlags) -> bool:
        return False

    def _range(self, account: xdr.AccountEntry) -> tuple[int, int]:
        lowest = reserve_stroops(account, self._env.ledger.base_reserve_stroops)
        return lowest, highest_balance_stroops(account)

    def _created(self, holder: str, balance_stroops: int) -> xdr.AccountEntry:
        if balance_stroops <= 0:
            raise _account_missing(self._env, holder)
        least = 2 * self._env.ledger.base_reserve_stroops
        if balance_stroops < least:
            raise self._env.refuse(
                TokenError.INSUFFICIENT_ACCOUNT_RESERVE,
                "transfer amount is below minimum balance for new account",
                [value_wire.int64(balance_stroops), value_wire.int64(least)],
            )
        first_sequence = self._env.ledger.sequence << 32
        return new_account(account_key_bytes(holder), balance_stroops, first_sequence)


def _account(env: ContractEnv, holder: str) -> xdr.AccountEntry | None:
    data = env.classic_entry(account_key(account_key_bytes(holder)))
    return None if data is None else data.account


def _existing_account(env: ContractEnv, holder: str) -> xdr.AccountEntry:
    account = _account(env, holder)
    if account is None:
        raise _account_missing(env, holder)
    return account


def _account_missing(env: ContractEnv, holder: str) -> HostError:
    return env.refuse(TokenError.ACCOUNT_MISSING, "account entry is missing", [value_wire.address(holder)])


def _put_account(env: ContractEnv, holder: str, account: xdr.AccountEntry) -> None:
    data = xdr.LedgerEntryData(xdr.LedgerEntryType.ACCOUNT, account=account)
    env.put_classic_entry(account_key(account_key_bytes(holder)), data)


@lru_cache(maxsize=65_536)
def _line_key(code: str, issuer: str, holder: str) -> bytes:
    return trustline_key(account_key_bytes(holder), _asset(code, issuer))


@lru_cache(maxsize=64)
def _asset(code: str, issuer: str) -> xdr.Asset:
    return Asset(code, issuer).to_xdr_object()


def _checked_balance(env: ContractEnv, holding: str, balance: int, lowest: int, highest: int) -> int:
    """The host trusts no entry: one that fees took below its reserve has no balance that it would tell."""
    if balance < lowest:
        raise env.storage_error(ErrorCode.SCEC_INTERNAL_ERROR, f"{holding} has balance < minimum")
    if balance > highest:
        raise env.storage_error(ErrorCode.SCEC_INTERNAL_ERROR, f"{holding} has balance > maximum")
    return balance


def _changed_balance(env: ContractEnv, balance: int, change: int, lowest: int, highest: int) -> int:
    changed = balance + change
    if changed > I64_MAX:
        raise env.refuse(TokenError.BALANCE, "resulting balance overflow")
    if not lowest <= changed <= highest:
        raise env.refuse(
            TokenError.BALANCE,
            "resulting balance is not within the allowed range",
            [value_wire.int64(lowest), value_wire.int64(changed), value_wire.int64(highest)],
        )
    return changed
