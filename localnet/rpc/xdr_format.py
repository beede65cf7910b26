"""`xdrFormat`: whether XDR is answered in base64 or as JSON (SEP-51)."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from localnet.ledger.wire import base64_text
from localnet.rpc.parameters import Params, invalid
from localnet.rpc.xdr_json import XdrType, as_json


class XdrFormat(Enum):
    """The values are the RPC's words."""

    BASE64 = "base64"
    JSON = "json"

    def field(self, stem: str, kind: type[XdrType], encoded: bytes) -> Mapping[str, Any]:
        """One field, named `…Xdr` or `…Json`."""
        return {f"{stem}{self.suffix}": self.encode(kind, encoded)}

    def encode(self, kind: type[XdrType], encoded: bytes) -> Any:
        return base64_text(encoded) if self is XdrFormat.BASE64 else as_json(kind, encoded)

    def encode_all(self, kind: type[XdrType], encoded: Iterable[bytes]) -> list[Any]:
        return [self.encode(kind, item) for item in encoded]

    @property
    def suffix(self) -> str:
        """What the names of fields with XDR end with."""
        return "Xdr" if self is XdrFormat.BASE64 else "Json"

    @property
    def bare_suffix(self) -> str:
        """The same for fields that have no ending in base64."""
        return "" if self is XdrFormat.BASE64 else "Json"


def read_format(params: Params) -> XdrFormat:
    """The format asked for, base64 if none is. Raises RpcError."""
    refusal = format_refusal(params)
    if refusal is not None:
        raise invalid(refusal)
    return chosen_format(params)


def chosen_format(params: Params) -> XdrFormat:
    """The format of a request in which `format_refusal` finds nothing wrong."""
    return XdrFormat(params.get("xdrFormat") or XdrFormat.BASE64)


def format_refusal(params: Params) -> str | None:
    """What is wrong with the request's `xdrFormat`."""
    chosen = params.get("xdrFormat") or "base64"
    if chosen in ("base64", "json"):
        return None
    return f"got '{chosen}': expected base64, json for optional 'xdrFormat'"
