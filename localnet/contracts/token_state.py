"""Where an asset contract keeps its asset, its holders' balances and their allowances.

A G address holds in its classic trustline, a C address in contract data. The issuer has
no line: paying it destroys, being paid by it creates.
"""

import copy
from dataclasses import dataclass
from typing import Final

from stellar_sdk import scval, xdr

from kale.addresses import account_text, address_value
from kale.constants import I64_MAX, I128_MAX, LEDGER_SECONDS
from kale.contract_errors import TokenError
from kale.storage import account_key, token_balance_data_key, trustline_key
from localnet.contracts.arguments import address
from localnet.soroban.contract_env import ContractEnv

_DAY_LEDGERS: Final = 24 * 60 * 60 // LEDGER_SECONDS
#: A balance entry lives 30 days again whenever it has at most 29 left.
BALANCE_EXTENSION_LEDGERS: Final = 30 * _DAY_LEDGERS
BALANCE_THRESHOLD_LEDGERS: Final = BALANCE_EXTENSION_LEDGERS - _DAY_LEDGERS

_PERSISTENT: Final = xdr.ContractDataDurability.PERSISTENT
_TEMPORARY: Final = xdr.ContractDataDurability.TEMPORARY
_ASSET_INFO: Final = "AssetInfo"
_ADMIN: Final = "Admin"
_AUTHORIZED_FLAG: Final = xdr.TrustLineFlags.AUTHORIZED_FLAG.value


@dataclass(frozen=True, slots=True)
class AssetInfo:
    """The asset that the contract stands for."""

    code: str
    issuer: str

    @property
    def name(self) -> str:
        """`CODE:ISSUER`, also the last topic of every event."""
        return f"{self.code}:{self.issuer}"


#: What is read from an instance once: a call asks for it several times, and it never changes.
_ASSETS: Final[dict[str, AssetInfo]] = {}


def asset_info(env: ContractEnv) -> AssetInfo:
    """The contract's asset, for which its id is a hash. The native asset is refused as unsupported."""
    info = _ASSETS.get(env.contract_id)
    if info is None:
        info = _ASSETS[env.contract_id] = _read_asset_info(env)
    return info


def _read_asset_info(env: ContractEnv) -> AssetInfo:
    stored = env.instance_value(_ASSET_INFO)
    parts = scval.from_vec(stored) if stored is not None else []
    if len(parts) != 2:
        raise env.refuse(TokenError.OPERATION_NOT_SUPPORTED, "operation invalid on native asset")
    fields = scval.from_struct(parts[1])
    return AssetInfo(
        code=scval.from_string(fields["asset_code"]).rstrip(b"\0").decode(),
        issuer=account_text(scval.from_bytes(fields["issuer"])),
    )


def administrator(env: ContractEnv) -> str:
    """Who may mint."""
    stored = env.instance_value(_ADMIN)
    if stored is None:
        raise env.refuse(TokenError.OPERATION_NOT_SUPPORTED, "the asset has no administrator")
    return address(stored)


class Holdings:
    """Balances of one asset, read and changed through the host.

    Errors are the contract's: 10 for a range that a balance would leave, 11 for a
    holder who is not authorised, 12 for a number that does not fit, 13 without a line.
    """

    def __init__(self, env: ContractEnv, asset: AssetInfo) -> None:
        self._env = env
        self._asset = asset

    def balance(self, holder: str) -> int:
        """Stroops; the issuer's are without limit, an unknown C address has none."""
        if holder == self._asset.issuer:
            return I64_MAX
        if holder.startswith("G"):
            return self._trustline(holder).balance.int64
        stored = self._contract_balance(holder)
        if stored is None:
            return 0
        self._extend(holder)
        return stored.amount

    def is_authorized(self, holder: str) -> bool:
        """Whether a holder may receive and spend."""
        if holder == self._asset.issuer:
            return True
        if holder.startswith("G"):
            return bool(self._trustline(holder).flags.uint32 & _AUTHORIZED_FLAG)
        stored = self._contract_balance(holder)
        if stored is None:
            return not self._issuer_has(xdr.AccountFlags.AUTH_REQUIRED_FLAG)
        return stored.authorized

    def receive(self, holder: str, amount: int) -> None:
        """Adds to a balance."""
        self._require_authorized(holder)
        if holder.startswith("G"):
            if amount > I64_MAX:
                raise self._env.refuse(TokenError.OVERFLOW, "received amount is too large for an i64")
            self._change_trustline(holder, amount)
            return
        stored = self._contract_balance(holder)
        if stored is None:
            clawback = self._issuer_has(xdr.AccountFlags.AUTH_CLAWBACK_ENABLED_FLAG)
            stored = _ContractBalance(amount=0, authorized=True, clawback=clawback)
        if stored.amount + amount > I128_MAX:
            raise self._env.refuse(TokenError.OVERFLOW, "balance overflow in receive_balance")
        self._put_contract_balance(holder, stored.with_amount(stored.amount + amount))

    def spend(self, holder: str, amount: int) -> None:
        """Takes from a balance."""
        self._require_authorized(holder)
        if holder.startswith("G"):
            if amount > I64_MAX:
                raise self._env.refuse(TokenError.OVERFLOW, "spent amount is too large for an i64")
            self._change_trustline(holder, -amount)
            return
        stored = self._contract_balance(holder)
        if stored is None:
            if amount > 0:
                raise self._env.refuse(
                    TokenError.BALANCE, "zero balance is not sufficient to spend", [scval.to_int128(amount)]
                )
            return
        if stored.amount < amount:
            raise self._env.refuse(
                TokenError.BALANCE,
                "balance is not sufficient to spend",
                [stored.encoded(), scval.to_int128(amount)],
            )
        self._put_contract_balance(holder, stored.with_amount(stored.amount - amount))

    def _require_authorized(self, holder: str) -> None:
        if not self.is_authorized(holder):
            raise self._env.refuse(TokenError.BALANCE_DEAUTHORIZED, "balance is deauthorized")

    def _trustline(self, holder: str) -> xdr.TrustLineEntry:
        data = self._env.classic_entry(trustline_key(self._asset.code, self._asset.issuer, holder))
        if data is None or data.trust_line is None:
            raise self._env.refuse(
                TokenError.TRUSTLINE_MISSING,
                "trustline entry is missing for account",
                [address_value(holder)],
            )
        return data.trust_line

    def _change_trustline(self, holder: str, change: int) -> None:
        if holder == self._asset.issuer:
            return
        line = self._trustline(holder)
        lowest, highest = _allowed_range(line)
        balance = line.balance.int64 + change
        if balance > I64_MAX:
            raise self._env.refuse(TokenError.BALANCE, "resulting balance overflow")
        if not lowest <= balance <= highest:
            raise self._env.refuse(
                TokenError.BALANCE,
                "resulting balance is not within the allowed range",
                [scval.to_int64(lowest), scval.to_int64(balance), scval.to_int64(highest)],
            )
        changed = copy.copy(line)
        changed.balance = xdr.Int64(balance)
        self._env.put_classic_entry(
            trustline_key(self._asset.code, self._asset.issuer, holder),
            xdr.LedgerEntryData(xdr.LedgerEntryType.TRUSTLINE, trust_line=changed),
        )

    def _contract_balance(self, holder: str) -> "_ContractBalance | None":
        value = self._env.data(token_balance_data_key(holder), _PERSISTENT)
        return _ContractBalance.decoded(value) if value is not None else None

    def _put_contract_balance(self, holder: str, balance: "_ContractBalance") -> None:
        self._env.put_data(token_balance_data_key(holder), _PERSISTENT, balance.encoded())
        self._extend(holder)

    def _extend(self, holder: str) -> None:
        key = token_balance_data_key(holder)
        self._env.extend_data(key, _PERSISTENT, BALANCE_THRESHOLD_LEDGERS, BALANCE_EXTENSION_LEDGERS)

    def _issuer_has(self, flag: xdr.AccountFlags) -> bool:
        data = self._env.classic_entry(account_key(self._asset.issuer))
        if data is None or data.account is None:
            raise self._env.refuse(
                TokenError.ACCOUNT_MISSING, "account entry is missing", [address_value(self._asset.issuer)]
            )
        return bool(data.account.flags.uint32 & flag.value)


@dataclass(frozen=True, slots=True)
class _ContractBalance:
    """What the contract stores for a C address."""

    amount: int
    authorized: bool
    clawback: bool

    @classmethod
    def decoded(cls, value: xdr.SCVal) -> "_ContractBalance":
        fields = scval.from_struct(value)
        return cls(
            amount=scval.from_int128(fields["amount"]),
            authorized=scval.from_bool(fields["authorized"]),
            clawback=scval.from_bool(fields["clawback"]),
        )

    def encoded(self) -> xdr.SCVal:
        return encoded_balance(self.amount, authorized=self.authorized, clawback=self.clawback)

    def with_amount(self, amount: int) -> "_ContractBalance":
        return _ContractBalance(amount, self.authorized, self.clawback)


def encoded_balance(amount: int, *, authorized: bool, clawback: bool) -> xdr.SCVal:
    """The value of a C address's balance entry."""
    return scval.to_struct(
        {
            "amount": scval.to_int128(amount),
            "authorized": scval.to_bool(authorized),
            "clawback": scval.to_bool(clawback),
        }
    )


def _allowed_range(line: xdr.TrustLineEntry) -> tuple[int, int]:
    """What liabilities and limit leave: the balance must stay between."""
    if line.ext.v1 is None:
        return 0, line.limit.int64
    liabilities = line.ext.v1.liabilities
    return liabilities.selling.int64, line.limit.int64 - liabilities.buying.int64


class Allowances:
    """What a spender may take from another holder's balance, and until when."""

    def __init__(self, env: ContractEnv) -> None:
        self._env = env

    def amount(self, owner: str, spender: str) -> int:
        """Stroops left; none after its last ledger."""
        stored = self._stored(owner, spender)
        return 0 if stored is None or stored[1] < self._env.ledger.sequence else stored[0]

    def set(self, owner: str, spender: str, amount: int, live_until: int) -> None:
        """Replaces an allowance; error 9 for a last ledger that is past or too far off."""
        ledger = self._env.ledger
        if live_until > ledger.max_live_until:
            raise self._env.refuse(
                TokenError.ALLOWANCE,
                "live_until is greater than max",
                [scval.to_uint32(live_until), scval.to_uint32(ledger.max_live_until)],
            )
        if amount > 0 and live_until < ledger.sequence:
            raise self._env.refuse(
                TokenError.ALLOWANCE,
                "live_until must be >= ledger sequence",
                [scval.to_uint32(live_until), scval.to_uint32(ledger.sequence)],
            )
        stored = self._stored(owner, spender)
        if stored is None and amount == 0:
            return
        key = _allowance_key(owner, spender)
        value = {"amount": scval.to_int128(amount), "live_until_ledger": scval.to_uint32(live_until)}
        self._env.put_data(key, _TEMPORARY, scval.to_struct(value))
        if amount > 0 and (stored is None or stored[1] < live_until):
            lifetime = live_until - ledger.sequence
            self._env.extend_data(key, _TEMPORARY, lifetime, lifetime)

    def spend(self, owner: str, spender: str, amount: int) -> None:
        """Uses a part of an allowance up."""
        left = self.amount(owner, spender)
        if left < amount:
            raise self._env.refuse(
                TokenError.ALLOWANCE,
                "not enough allowance to spend",
                [scval.to_int128(left), scval.to_int128(amount)],
            )
        stored = self._stored(owner, spender)
        if amount > 0 and stored is not None:
            self.set(owner, spender, left - amount, stored[1])

    def _stored(self, owner: str, spender: str) -> tuple[int, int] | None:
        value = self._env.data(_allowance_key(owner, spender), _TEMPORARY)
        if value is None:
            return None
        fields = scval.from_struct(value)
        return scval.from_int128(fields["amount"]), scval.from_uint32(fields["live_until_ledger"])


def _allowance_key(owner: str, spender: str) -> xdr.SCVal:
    parts = {"from": address_value(owner), "spender": address_value(spender)}
    return scval.to_vec([scval.to_symbol("Allowance"), scval.to_struct(parts)])
