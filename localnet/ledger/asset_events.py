"""Events of classic operations and of fees, in the form of the asset contract's own (CAP-67)."""

import functools

from stellar_sdk import StrKey, xdr

from localnet.ledger import wire
from localnet.ledger.assets import NATIVE, asset_code, asset_contract_id, asset_issuer
from localnet.ledger.events import Event


def fee_event(network_id: bytes, payer: bytes, amount_stroops: int) -> Event:
    """A fee that was charged, or given back when negative."""
    topics = (_symbol("fee"), _account(payer))
    return Event(asset_contract_id(network_id, NATIVE), topics, _int128(amount_stroops))


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
    data = _int128(amount_stroops)
    if receiver_id is not None and receiver != issuer:
        data = _map([(_symbol("amount"), data), (_symbol("to_muxed_id"), receiver_id)])
    if issuer == sender != receiver:
        topics: tuple[bytes, ...] = (_symbol("mint"), _account(receiver), name)
    elif issuer == receiver != sender:
        topics = (_symbol("burn"), _account(sender), name)
    else:
        topics = (_symbol("transfer"), _account(sender), _account(receiver), name)
    return Event(asset_contract_id(network_id, asset), topics, data)


def receiver_id(destination: xdr.MuxedAccount, memo: xdr.Memo) -> bytes | None:
    """What tells receivers at one address apart: the multiplexed id, else the memo, else None."""
    if destination.med25519 is not None:
        return _uint64(destination.med25519.id.uint64)
    if memo.id is not None:
        return _uint64(memo.id.uint64)
    if memo.text is not None:
        return _string(memo.text)
    if memo.hash is not None or memo.ret_hash is not None:
        hashed = memo.hash or memo.ret_hash
        assert hashed is not None
        return wire.int32(xdr.SCValType.SCV_BYTES) + _opaque(hashed.hash)
    return None


def _asset_name(asset: xdr.Asset) -> bytes:
    issuer = asset_issuer(asset)
    if issuer is None:
        return _string(b"native")
    code = asset_code(asset).rstrip(b"\x00")
    return _string(code + b":" + StrKey.encode_ed25519_public_key(issuer).encode("ascii"))


def _opaque(content: bytes) -> bytes:
    return wire.uint32(len(content)) + content + b"\x00" * (-len(content) % 4)


@functools.lru_cache(maxsize=64)
def _symbol(text: str) -> bytes:
    return wire.int32(xdr.SCValType.SCV_SYMBOL) + _opaque(text.encode("ascii"))


def _string(text: bytes) -> bytes:
    return wire.int32(xdr.SCValType.SCV_STRING) + _opaque(text)


def _uint64(value: int) -> bytes:
    return wire.int32(xdr.SCValType.SCV_U64) + wire.uint64(value)


def _int128(value: int) -> bytes:
    return wire.int32(xdr.SCValType.SCV_I128) + value.to_bytes(16, "big", signed=True)


def _account(public_key: bytes) -> bytes:
    return (
        wire.int32(xdr.SCValType.SCV_ADDRESS)
        + wire.int32(xdr.SCAddressType.SC_ADDRESS_TYPE_ACCOUNT)
        + wire.int32(xdr.PublicKeyType.PUBLIC_KEY_TYPE_ED25519)
        + public_key
    )


def _map(entries: list[tuple[bytes, bytes]]) -> bytes:
    return wire.int32(xdr.SCValType.SCV_MAP) + wire.present(wire.array(key + value for key, value in entries))
