"""Events of classic operations and of fees, in the form of the asset contract's own (CAP-67)."""

from stellar_sdk import xdr

from kale.addresses import account_text
from localnet.ledger import value_wire
from localnet.ledger.assets import NATIVE, asset_code, asset_contract_id, asset_issuer
from localnet.ledger.events import Event


def fee_event(network_id: bytes, payer: bytes, amount_stroops: int) -> Event:
    """A fee that was charged, or given back when negative."""
    topics = (value_wire.symbol(b"fee"), value_wire.account_address(payer))
    return Event(asset_contract_id(network_id, NATIVE), topics, value_wire.int128(amount_stroops))


def transfer_event(
    network_id: bytes,
    asset: xdr.Asset,
    sender: bytes,
    receiver: bytes,
    amount_stroops: int,
    receiver_id: bytes | None = None,
) -> Event:
    """A payment: `mint` if the issuer sends, `burn` if the issuer receives, else `transfer`.

    `receiver_id` is the SCVal of the receiver's multiplexed id or of the memo that stands for it.
    """
    issuer = asset_issuer(asset)
    name = _asset_name(asset)
    data = value_wire.int128(amount_stroops)
    if receiver_id is not None and receiver != issuer:
        amount = value_wire.symbol(b"amount"), data
        data = value_wire.mapping([amount, (value_wire.symbol(b"to_muxed_id"), receiver_id)])
    from_address, to_address = value_wire.account_address(sender), value_wire.account_address(receiver)
    if issuer == sender != receiver:
        topics: tuple[bytes, ...] = (value_wire.symbol(b"mint"), to_address, name)
    elif issuer == receiver != sender:
        topics = (value_wire.symbol(b"burn"), from_address, name)
    else:
        topics = (value_wire.symbol(b"transfer"), from_address, to_address, name)
    return Event(asset_contract_id(network_id, asset), topics, data)


def clawback_event(network_id: bytes, asset: xdr.Asset, holder: bytes, amount_stroops: int) -> Event:
    """What an issuer took back."""
    topics = (value_wire.symbol(b"clawback"), value_wire.account_address(holder), _asset_name(asset))
    return Event(asset_contract_id(network_id, asset), topics, value_wire.int128(amount_stroops))


def set_authorized_event(network_id: bytes, asset: xdr.Asset, holder: bytes, authorized: bool) -> Event:
    """Whether an issuer lets a holder use the trustline fully."""
    topics = (value_wire.symbol(b"set_authorized"), value_wire.account_address(holder), _asset_name(asset))
    return Event(asset_contract_id(network_id, asset), topics, value_wire.boolean(authorized))


def receiver_id(destination: xdr.MuxedAccount, memo: xdr.Memo) -> bytes | None:
    """What tells receivers at one address apart: the multiplexed id, else the memo, else None."""
    if destination.med25519 is not None:
        return value_wire.uint64(destination.med25519.id.uint64)
    return memo_value(memo)


def memo_value(memo: xdr.Memo) -> bytes | None:
    """The SCVal of a memo; None if there is none."""
    if memo.id is not None:
        return value_wire.uint64(memo.id.uint64)
    if memo.text is not None:
        return value_wire.string(memo.text)
    if memo.hash is not None or memo.ret_hash is not None:
        hashed = memo.hash or memo.ret_hash
        assert hashed is not None
        return value_wire.binary(hashed.hash)
    return None


def _asset_name(asset: xdr.Asset) -> bytes:
    issuer = asset_issuer(asset)
    if issuer is None:
        return value_wire.string(b"native")
    code = asset_code(asset).rstrip(b"\x00")
    return value_wire.string(code + b":" + account_text(issuer).encode("ascii"))
