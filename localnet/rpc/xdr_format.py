"""`xdrFormat`: whether XDR is answered in base64 or as JSON (SEP-51)."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from localnet.ledger.wire import base64_text
from localnet.rpc.parameters import Params, invalid
from localnet.rpc.xdr_json import XdrType, as_json


class XdrFormat(Enum):
    """The values are the RPC's words.

    `suffix` is what the names of fields with XDR end with; `bare_suffix` the same for fields that have no
    ending in base64.
    """

    BASE64 = "base64"
    JSON = "json"

    def __init__(self, word: str) -> None:
        self.is_base64 = word == "base64"
        self.suffix = "Xdr" if self.is_base64 else "Json"
        self.bare_suffix = "" if self.is_base64 else "Json"

    def field(self, stem: str, kind: type[XdrType], encoded: bytes) -> Mapping[str, Any]:
        """One field, named `…Xdr` or `…Json`."""
        return {f"{stem}{self.suffix}": self.encode(kind, encoded)}

    def encode(self, kind: type[XdrType], encoded: bytes) -> Any:
        return base64_text(encoded) if self.is_base64 else as_json(kind, encoded)

    def encode_all(self, kind: type[XdrType], encoded: Iterable[bytes]) -> list[Any]:
        if self.is_base64:
            return list(map(base64_text, encoded))
        return [as_json(kind, item) for item in encoded]


def read_format(params: Params) -> XdrFormat:
    """The format asked for, base64 if none is. Raises RpcError."""
    refusal = format_refusal(params)
    if refusal is not None:
        raise invalid(refusal)
    return chosen_format(params)


def chosen_format(params: Params) -> XdrFormat:
    """The format of a request in which `format_refusal` finds nothing wrong."""
    return XdrFormat(params.get("xdrFormat") or XdrFormat.BASE64.value)


def format_refusal(params: Params) -> str | None:
    """What is wrong with the request's `xdrFormat`."""
    chosen = params.get("xdrFormat") or "base64"
    if chosen in ("base64", "json"):
        return None
    return f"got '{chosen}': expected base64, json for optional 'xdrFormat'"
