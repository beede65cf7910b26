"""Assets of classic operations: issuer, code, and the contract that each has."""

import functools
import hashlib
import re

from stellar_sdk import xdr

from localnet.ledger import wire
from localnet.ledger.accounts import public_key

NATIVE = xdr.Asset(xdr.AssetType.ASSET_TYPE_NATIVE)
_NATIVE_XDR = NATIVE.to_xdr_bytes()

_CODE = re.compile(rb"[A-Za-z0-9]{1,12}\x00*")


def asset_issuer(asset: xdr.Asset) -> bytes | None:
    """The issuer's key; None for XLM."""
    alphanumeric = asset.alpha_num4 or asset.alpha_num12
    if alphanumeric is None:
        return None
    return public_key(alphanumeric.issuer)


def asset_code(asset: xdr.Asset) -> bytes:
    """The code as encoded, padded with zero bytes; empty for XLM."""
    if asset.alpha_num4 is not None:
        return asset.alpha_num4.asset_code.asset_code4
    if asset.alpha_num12 is not None:
        return asset.alpha_num12.asset_code.asset_code12
    return b""


def is_valid_asset(asset: xdr.Asset) -> bool:
    """Whether the code is 1-4 or 5-12 letters and digits, as its type says."""
    code = asset_code(asset)
    if asset.type is xdr.AssetType.ASSET_TYPE_CREDIT_ALPHANUM12 and len(code.rstrip(b"\x00")) < 5:
        return False
    return asset.type is xdr.AssetType.ASSET_TYPE_NATIVE or _CODE.fullmatch(code) is not None


def trusted_asset(line: xdr.ChangeTrustAsset | xdr.TrustLineAsset) -> xdr.Asset | None:
    """The asset that a trustline is for; None for a liquidity pool's share."""
    if line.type is xdr.AssetType.ASSET_TYPE_POOL_SHARE:
        return None
    return xdr.Asset(line.type, alpha_num4=line.alpha_num4, alpha_num12=line.alpha_num12)


def asset_contract_id(network_id: bytes, asset: xdr.Asset) -> bytes:
    """The id of the contract that an asset has on a network, deployed or not."""
    return _contract_id(network_id, _NATIVE_XDR if asset is NATIVE else asset.to_xdr_bytes())


@functools.lru_cache(maxsize=1024)
def _contract_id(network_id: bytes, asset_xdr: bytes) -> bytes:
    preimage = (
        wire.int32(xdr.EnvelopeType.ENVELOPE_TYPE_CONTRACT_ID)
        + network_id
        + wire.int32(xdr.ContractIDPreimageType.CONTRACT_ID_PREIMAGE_FROM_ASSET)
        + asset_xdr
    )
    return hashlib.sha256(preimage).digest()
