"""What spenders may take from other holders' balances of an asset, and until when."""

from typing import Final

from stellar_sdk import xdr

from kale.contract_errors import TokenError
from localnet.contracts.fixed_map import FieldKind, FixedMap, int128_bytes, int128_of
from localnet.ledger import value_wire
from localnet.soroban.contract_env import ContractEnv

_TEMPORARY: Final = xdr.ContractDataDurability.TEMPORARY
_ALLOWANCE: Final = FixedMap([("amount", FieldKind.INT128), ("live_until_ledger", FieldKind.UINT32)])


class Allowances:
    """The allowances of one asset contract; expired ones are none. Errors are the contract's 9."""

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
                [value_wire.uint32(live_until), value_wire.uint32(ledger.max_live_until)],
            )
        if amount > 0 and live_until < ledger.sequence:
            raise self._env.refuse(
                TokenError.ALLOWANCE,
                "live_until must be >= ledger sequence",
                [value_wire.uint32(live_until), value_wire.uint32(ledger.sequence)],
            )
        stored = self._stored(owner, spender)
        if stored is None and amount == 0:
            return
        key = _allowance_key(owner, spender)
        self._env.put_data(key, _TEMPORARY, _ALLOWANCE.encode(int128_bytes(amount), live_until))
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
                [value_wire.int128(left), value_wire.int128(amount)],
            )
        stored = self._stored(owner, spender)
        if amount > 0 and stored is not None:
            self.set(owner, spender, left - amount, stored[1])

    def _stored(self, owner: str, spender: str) -> tuple[int, int] | None:
        value = self._env.data(_allowance_key(owner, spender), _TEMPORARY)
        if value is None:
            return None
        fields = _ALLOWANCE.decode(value)
        assert fields is not None, "only this contract writes allowances"
        amount, live_until = fields
        return int128_of(amount), live_until


def _allowance_key(owner: str, spender: str) -> bytes:
    parts = [
        (value_wire.symbol(b"from"), value_wire.address(owner)),
        (value_wire.symbol(b"spender"), value_wire.address(spender)),
    ]
    return value_wire.vector([value_wire.symbol(b"Allowance"), value_wire.mapping(parts)])
