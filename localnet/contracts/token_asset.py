"""Which asset an asset contract stands for, and who administrates it: its instance storage."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from stellar_sdk import scval, xdr

from kale.addresses import account_text
from localnet.contracts.arguments import address
from localnet.lazy import lazy
from localnet.ledger import value_wire
from localnet.soroban.contract_env import ContractEnv

NATIVE_NAME: Final = "native"
_ASSET_INFO: Final = "AssetInfo"
_ADMIN: Final = "Admin"


@dataclass(frozen=True)
class AssetInfo:
    """The asset that the contract stands for; the native one has no issuer."""

    code: str
    issuer: str | None

    @lazy
    def name(self) -> str:
        """`CODE:ISSUER` or `native`, also the last topic of every event."""
        return NATIVE_NAME if self.issuer is None else f"{self.code}:{self.issuer}"


def read_asset(env: ContractEnv) -> AssetInfo:
    """The contract's asset, for which its id is a hash."""
    return _decoded(env.required_instance_value(_ASSET_INFO))


def administrator(env: ContractEnv) -> str:
    """Who may mint, claw back and authorise; the native asset has nobody, and the host says so."""
    return address(env.required_instance_value(_ADMIN))


def set_administrator(env: ContractEnv, administrator: str) -> None:
    env.set_instance_value(_ADMIN, value_wire.address(administrator))


@lru_cache(maxsize=256)
def _decoded(stored: bytes) -> AssetInfo:
    """From the XDR of the stored value: every call asks for it, and it never changes."""
    parts = scval.from_vec(xdr.SCVal.from_xdr_bytes(stored))
    if len(parts) == 1:
        return AssetInfo(NATIVE_NAME, None)
    fields = scval.from_struct(parts[1])
    return AssetInfo(
        code=scval.from_string(fields["asset_code"]).rstrip(b"\0").decode(),
        issuer=account_text(scval.from_bytes(fields["issuer"])),
    )
