"""The balances of an asset contract: G addresses' in classic entries, C addresses' in its own data."""

from dataclasses import dataclass, replace
from typing import Final

from stellar_sdk import scval, xdr

from kale.constants import I64_MAX, I128_MAX, LEDGER_SECONDS
from kale.contract_errors import TokenError
from localnet.contracts.token_asset import AssetInfo
from localnet.contracts.token_classic import Accounts, ClassicHoldings, Trustlines
from localnet.ledger import value_wire
from localnet.ledger.value_wire import encode_value
from localnet.soroban.contract_env import ContractEnv

_DAY_LEDGERS: Final = 24 * 60 * 60 // LEDGER_SECONDS
#: A balance entry lives 30 days again whenever it has at most 29 left.
BALANCE_EXTENSION_LEDGERS: Final = 30 * _DAY_LEDGERS
BALANCE_THRESHOLD_LEDGERS: Final = BALANCE_EXTENSION_LEDGERS - _DAY_LEDGERS

_PERSISTENT: Final = xdr.ContractDataDurability.PERSISTENT
_FLAGS: Final = xdr.AccountFlags


class Holdings:
    """Balances of one asset, read and changed through the host.

    Errors are the contract's: 10 for a range that a balance would leave, 11 for a
    holder who is not authorised, 12 for a number that does not fit; those of G addresses
    are in `token_classic`.
    """

    def __init__(self, env: ContractEnv, asset: AssetInfo) -> None:
        self._env = env
        self._classic: ClassicHoldings
        if asset.issuer is None:
            self._classic = Accounts(env)
        else:
            self._classic = Trustlines(env, asset.code, asset.issuer)

    def balance(self, holder: str) -> int:
        """Stroops; the issuer's are without limit, an unknown C address has none."""
        if holder.startswith("G"):
            return self._classic.balance(holder)
        stored = self._contract_balance(holder)
        if stored is None:
            return 0
        self._extend(holder)
        return stored.amount

    def is_authorized(self, holder: str) -> bool:
        """Whether a holder may receive and spend."""
        if holder.startswith("G"):
            return self._classic.is_authorized(holder)
        stored = self._contract_balance(holder)
        if stored is None:
            return not self._classic.issuer_has(_FLAGS.AUTH_REQUIRED_FLAG)
        return stored.authorized

    def receive(self, holder: str, amount: int) -> None:
        """Adds to a balance."""
        self._require_authorized(holder)
        if holder.startswith("G"):
            if amount > I64_MAX:
                raise self._env.refuse(TokenError.OVERFLOW, "received amount is too large for an i64")
            self._classic.change(holder, amount)
            return
        stored = self._contract_balance(holder) or self._new_contract_balance(authorized=True)
        if stored.amount + amount > I128_MAX:
            raise self._env.refuse(TokenError.OVERFLOW, "balance overflow in receive_balance")
        self._put_contract_balance(holder, replace(stored, amount=stored.amount + amount))

    def spend(self, holder: str, amount: int) -> None:
        """Takes from the balance of a holder who is authorised."""
        self._require_authorized(holder)
        self._take(holder, amount)

    def claw_back(self, holder: str, amount: int) -> None:
        """Takes from a balance whether or not its holder is authorised; `check_clawback` comes before."""
        self._take(holder, amount)

    def check_clawback(self, holder: str) -> None:
        """Refuses unless the balance may be taken back; a C address needs one even to lose nothing."""
        if holder.startswith("G"):
            self._classic.check_clawback(holder)
            return
        stored = self._contract_balance(holder)
        if stored is None:
            raise self._env.refuse(TokenError.BALANCE, "no balance to clawback")
        if not stored.clawback:
            raise self._env.refuse(TokenError.BALANCE, "balance isn't clawbackable")

    def authorize(self, holder: str, *, authorized: bool) -> None:
        """Lets a holder receive and spend; stops them if the issuer's flags allow it."""
        if not authorized and not self._classic.issuer_has(_FLAGS.AUTH_REVOCABLE_FLAG):
            raise self._env.refuse(
                TokenError.OPERATION_NOT_SUPPORTED, "issuer does not have AUTH_REVOCABLE set"
            )
        if holder.startswith("G"):
            self._classic.authorize(holder, authorized=authorized)
            return
        stored = self._contract_balance(holder) or self._new_contract_balance(authorized=authorized)
        self._put_contract_balance(holder, replace(stored, authorized=authorized))

    def trust(self, holder: str) -> None:
        """Makes a trustline for a G address that has none; a C address needs nothing."""
        if holder.startswith("G"):
            self._classic.trust(holder)

    def _take(self, holder: str, amount: int) -> None:
        if holder.startswith("G"):
            if amount > I64_MAX:
                raise self._env.refuse(TokenError.OVERFLOW, "spent amount is too large for an i64")
            self._classic.change(holder, -amount)
            return
        stored = self._contract_balance(holder)
        if stored is None:
            if amount > 0:
                raise self._env.refuse(
                    TokenError.BALANCE, "zero balance is not sufficient to spend", [value_wire.int128(amount)]
                )
            return
        if stored.amount < amount:
            raise self._env.refuse(
                TokenError.BALANCE,
                "balance is not sufficient to spend",
                [stored.encoded(), value_wire.int128(amount)],
            )
        self._put_contract_balance(holder, replace(stored, amount=stored.amount - amount))

    def _require_authorized(self, holder: str) -> None:
        if not self.is_authorized(holder):
            raise self._env.refuse(TokenError.BALANCE_DEAUTHORIZED, "balance is deauthorized")

    def _contract_balance(self, holder: str) -> "_ContractBalance | None":
        value = self._env.data(_balance_key(holder), _PERSISTENT)
        return _ContractBalance.decoded(value) if value is not None else None

    def _new_contract_balance(self, *, authorized: bool) -> "_ContractBalance":
        clawback = self._classic.issuer_has(_FLAGS.AUTH_CLAWBACK_ENABLED_FLAG)
        return _ContractBalance(amount=0, authorized=authorized, clawback=clawback)

    def _put_contract_balance(self, holder: str, balance: "_ContractBalance") -> None:
        self._env.put_data(_balance_key(holder), _PERSISTENT, balance.encoded())
        self._extend(holder)

    def _extend(self, holder: str) -> None:
        key = _balance_key(holder)
        self._env.extend_data(key, _PERSISTENT, BALANCE_THRESHOLD_LEDGERS, BALANCE_EXTENSION_LEDGERS)


@dataclass(frozen=True, slots=True)
class _ContractBalance:
    """What the contract stores for a C address."""

    amount: int
    authorized: bool
    clawback: bool

    @classmethod
    def decoded(cls, value: bytes) -> "_ContractBalance":
        fields = scval.from_struct(xdr.SCVal.from_xdr_bytes(value))
        return cls(
            amount=scval.from_int128(fields["amount"]),
            authorized=scval.from_bool(fields["authorized"]),
            clawback=scval.from_bool(fields["clawback"]),
        )

    def encoded(self) -> bytes:
        return encode_value(encoded_balance(self.amount, authorized=self.authorized, clawback=self.clawback))


def encoded_balance(amount: int, *, authorized: bool, clawback: bool) -> xdr.SCVal:
    """The value of a C address's balance entry."""
    return scval.to_struct(
        {
            "amount": scval.to_int128(amount),
            "authorized": scval.to_bool(authorized),
            "clawback": scval.to_bool(clawback),
        }
    )


def _balance_key(holder: str) -> bytes:
    return value_wire.vector([value_wire.symbol(b"Balance"), value_wire.address(holder)])
