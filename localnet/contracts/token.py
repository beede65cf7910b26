"""The Stellar Asset Contract of any asset (CAP-46-06; events of CAP-67, `trust` of CAP-73)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from kale.constants import LEDGER_SECONDS
from kale.contract_errors import TokenError
from localnet.contracts.arguments import address, boolean, i128, muxed_account, read_arguments, u32
from localnet.contracts.token_allowances import Allowances
from localnet.contracts.token_asset import AssetInfo, administrator, read_asset, set_administrator
from localnet.contracts.token_state import Holdings
from localnet.ledger import value_wire
from localnet.soroban import cost_table
from localnet.soroban.contract_env import ContractEnv

DECIMALS: Final = 7
_DAY_LEDGERS: Final = 24 * 60 * 60 // LEDGER_SECONDS
#: The instance lives 7 days again whenever it has at most 6 left.
_INSTANCE_EXTENSION_LEDGERS: Final = 7 * _DAY_LEDGERS
_INSTANCE_THRESHOLD_LEDGERS: Final = _INSTANCE_EXTENSION_LEDGERS - _DAY_LEDGERS

_Args = Sequence[bytes]


class TokenContract:
    """A `Program` that is part of the host: it runs in no VM and has no code entry."""

    runs_in_vm = False
    costs = cost_table.TOKEN

    def call(self, env: ContractEnv, function: str, args: _Args) -> bytes:
        run = _FUNCTIONS.get(function)
        if run is None:
            raise env.missing_function()
        return run(env, read_asset(env), args)


@dataclass(frozen=True, slots=True)
class _Receiver:
    """Where a transfer goes; a muxed account brings its id along for the event."""

    address: str
    muxed_id: int | None


def _receiver(value: bytes) -> _Receiver:
    muxed = muxed_account(value)
    return _Receiver(address(value), None) if muxed is None else _Receiver(*muxed)


# Views


def _allowance(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    owner, spender = read_arguments(env, args, address, address)
    _extend_instance(env)
    return value_wire.int128(Allowances(env).amount(owner, spender))


def _balance(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    (holder,) = read_arguments(env, args, address)
    _extend_instance(env)
    return value_wire.int128(Holdings(env, asset).balance(holder))


def _authorized(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    (holder,) = read_arguments(env, args, address)
    _extend_instance(env)
    return value_wire.boolean(Holdings(env, asset).is_authorized(holder))


def _admin(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    read_arguments(env, args)
    return value_wire.address(administrator(env))


def _decimals(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    read_arguments(env, args)
    return value_wire.uint32(DECIMALS)


def _name(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    read_arguments(env, args)
    return value_wire.string(asset.name.encode())


def _symbol(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    read_arguments(env, args)
    return value_wire.string(asset.code.encode())


# Changes. The order of checks is the contract's: arguments, issuer, authorisation, balances.


def _approve(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    owner, spender, amount, live_until = read_arguments(env, args, address, address, i128, u32)
    _require_nonnegative(env, amount)
    env.require_auth(owner)
    _extend_instance(env)
    Allowances(env).set(owner, spender, amount, live_until)
    terms = value_wire.vector([value_wire.int128(amount), value_wire.uint32(live_until)])
    _publish(env, asset, "approve", [owner, spender], terms)
    return value_wire.VOID


def _transfer(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    sender, receiver, amount = read_arguments(env, args, address, _receiver, i128)
    _require_nonnegative(env, amount)
    env.require_auth(sender)
    _extend_instance(env)
    _move(env, asset, sender, receiver, amount)
    return value_wire.VOID


def _transfer_from(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    spender, sender, receiver, amount = read_arguments(env, args, address, address, address, i128)
    _require_nonnegative(env, amount)
    env.require_auth(spender)
    _extend_instance(env)
    Allowances(env).spend(sender, spender, amount)
    _move(env, asset, sender, _Receiver(receiver, None), amount)
    return value_wire.VOID


def _burn(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    holder, amount = read_arguments(env, args, address, i128)
    _require_nonnegative(env, amount)
    _require_credit(env, asset)
    _require_not_issuer(env, asset, holder)
    env.require_auth(holder)
    _extend_instance(env)
    Holdings(env, asset).spend(holder, amount)
    _publish(env, asset, "burn", [holder], value_wire.int128(amount))
    return value_wire.VOID


def _burn_from(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    spender, holder, amount = read_arguments(env, args, address, address, i128)
    _require_nonnegative(env, amount)
    _require_credit(env, asset)
    _require_not_issuer(env, asset, holder)
    env.require_auth(spender)
    _extend_instance(env)
    Allowances(env).spend(holder, spender, amount)
    Holdings(env, asset).spend(holder, amount)
    _publish(env, asset, "burn", [holder], value_wire.int128(amount))
    return value_wire.VOID


def _mint(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    receiver, amount = read_arguments(env, args, address, i128)
    _require_nonnegative(env, amount)
    _require_not_issuer(env, asset, receiver)
    env.require_auth(administrator(env))
    _extend_instance(env)
    Holdings(env, asset).receive(receiver, amount)
    _publish(env, asset, "mint", [receiver], value_wire.int128(amount))
    return value_wire.VOID


def _clawback(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    holder, amount = read_arguments(env, args, address, i128)
    _require_nonnegative(env, amount)
    Holdings(env, asset).check_clawback(holder)
    env.require_auth(administrator(env))
    _extend_instance(env)
    Holdings(env, asset).claw_back(holder, amount)
    _publish(env, asset, "clawback", [holder], value_wire.int128(amount))
    return value_wire.VOID


def _set_authorized(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    holder, authorized = read_arguments(env, args, address, boolean)
    env.require_auth(administrator(env))
    _extend_instance(env)
    Holdings(env, asset).authorize(holder, authorized=authorized)
    _publish(env, asset, "set_authorized", [holder], value_wire.boolean(authorized))
    return value_wire.VOID


def _set_admin(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    (successor,) = read_arguments(env, args, address)
    predecessor = administrator(env)
    env.require_auth(predecessor)
    _extend_instance(env)
    set_administrator(env, successor)
    _publish(env, asset, "set_admin", [predecessor], value_wire.address(successor))
    return value_wire.VOID


def _trust(env: ContractEnv, asset: AssetInfo, args: _Args) -> bytes:
    (holder,) = read_arguments(env, args, address)
    _extend_instance(env)
    Holdings(env, asset).trust(holder)
    return value_wire.VOID


_FUNCTIONS: Final[dict[str, Callable[[ContractEnv, AssetInfo, _Args], bytes]]] = {
    "admin": _admin,
    "allowance": _allowance,
    "approve": _approve,
    "authorized": _authorized,
    "balance": _balance,
    "burn": _burn,
    "burn_from": _burn_from,
    "clawback": _clawback,
    "decimals": _decimals,
    "mint": _mint,
    "name": _name,
    "set_admin": _set_admin,
    "set_authorized": _set_authorized,
    "symbol": _symbol,
    "transfer": _transfer,
    "transfer_from": _transfer_from,
    "trust": _trust,
}


def _move(env: ContractEnv, asset: AssetInfo, sender: str, receiver: _Receiver, amount: int) -> None:
    """Between holders; the event of a payment from or to the issuer says mint or burn."""
    holdings = Holdings(env, asset)
    holdings.spend(sender, amount)
    holdings.receive(receiver.address, amount)
    issuer = asset.issuer
    data = _transferred(amount, receiver.muxed_id)
    if (sender == issuer) == (receiver.address == issuer):
        _publish(env, asset, "transfer", [sender, receiver.address], data)
    elif sender == issuer:
        _publish(env, asset, "mint", [receiver.address], data)
    else:
        _publish(env, asset, "burn", [sender], value_wire.int128(amount))


def _transferred(amount: int, muxed_id: int | None) -> bytes:
    if muxed_id is None:
        return value_wire.int128(amount)
    amount_field = value_wire.symbol(b"amount"), value_wire.int128(amount)
    return value_wire.mapping(
        [amount_field, (value_wire.symbol(b"to_muxed_id"), value_wire.uint64(muxed_id))]
    )


def _publish(env: ContractEnv, asset: AssetInfo, name: str, addresses: Sequence[str], data: bytes) -> None:
    topics = [value_wire.symbol(name.encode()), *map(value_wire.address, addresses)]
    env.publish([*topics, value_wire.string(asset.name.encode())], data)


def _extend_instance(env: ContractEnv) -> None:
    env.extend_instance(_INSTANCE_THRESHOLD_LEDGERS, _INSTANCE_EXTENSION_LEDGERS)


def _require_nonnegative(env: ContractEnv, amount: int) -> None:
    if amount < 0:
        raise env.refuse(
            TokenError.NEGATIVE_AMOUNT, "negative amount is not allowed", [value_wire.int128(amount)]
        )


def _require_credit(env: ContractEnv, asset: AssetInfo) -> None:
    if asset.issuer is None:
        raise env.refuse(TokenError.OPERATION_NOT_SUPPORTED, "operation invalid on native asset")


def _require_not_issuer(env: ContractEnv, asset: AssetInfo, holder: str) -> None:
    if holder == asset.issuer:
        raise env.refuse(TokenError.OPERATION_NOT_SUPPORTED, "operation invalid on issuer")
