"""getLedgerEntries: entries as of the last closed ledger."""

from typing import Any, Final

from stellar_sdk import xdr
from xdrlib3 import Error as XdrError

from localnet.chain.chain_view import ChainView
from localnet.ledger import wire
from localnet.ledger.config_settings import config_setting_entries
from localnet.ledger.entries import StoredEntry
from localnet.rpc.jsonrpc import INTERNAL_ERROR, Result, RpcError
from localnet.rpc.parameters import TEXT, TEXTS, Params, Structure, decode_base64, invalid
from localnet.rpc.xdr_format import XdrFormat, read_format

GET_LEDGER_ENTRIES: Final = Structure("GetLedgerEntriesRequest", {"keys": TEXTS, "xdrFormat": TEXT})
MAX_KEYS: Final = 200
MAX_KEY_BYTES: Final = 16 * 1024

_TTL: Final = wire.int32(xdr.LedgerEntryType.TTL)


class LedgerEntries:
    def __init__(self, chain: ChainView) -> None:
        self._chain = chain
        self._settings = config_setting_entries(chain.settings)

    def get(self, params: Params) -> Result:
        xdr_format = read_format(params)
        texts: list[str] = params.get("keys", [])
        if len(texts) > MAX_KEYS:
            raise invalid(f"key count ({len(texts)}) exceeds maximum supported ({MAX_KEYS})")
        keys = [self._key(text, position) for position, text in enumerate(texts)]
        if not keys or len(set(keys)) < len(keys):
            raise RpcError(INTERNAL_ERROR, "could not query captive core: keys are empty or repeated")
        found = [(key, entry) for key in keys if (entry := self._find(key)) is not None]
        return {
            "entries": [self._describe(key, entry, xdr_format) for key, entry in found],
            "latestLedger": self._chain.latest.sequence,
        }

    def _find(self, key: bytes) -> StoredEntry | None:
        """What is in the ledger; a temporary entry whose life is over is not."""
        entry = self._chain.state.find(key)
        if entry is None:
            return self._settings.get(key)
        is_there = not entry.is_temporary or entry.is_live(self._chain.latest.sequence)
        return entry if is_there else None

    def _key(self, text: str, position: int) -> bytes:
        """The key's bytes. One that is in the ledger need not be decoded to know that it is sound."""
        try:
            key = decode_base64(text)
            if len(key) > MAX_KEY_BYTES:
                raise ValueError(f"{len(key)} bytes are too many")
            if self._chain.state.find(key) is None:
                xdr.LedgerKey.from_xdr_bytes(key)
        except (ValueError, EOFError, XdrError) as error:
            raise invalid(f"cannot unmarshal key value {text} at index {position}") from error
        if key[:4] == _TTL:
            raise invalid("ledger ttl entries cannot be queried directly")
        return key

    def _describe(self, key: bytes, entry: StoredEntry, xdr_format: XdrFormat) -> dict[str, Any]:
        described: dict[str, Any]
        if xdr_format is XdrFormat.BASE64:
            described = {"key": wire.base64_text(key), "xdr": wire.base64_text(entry.data_xdr)}
        else:
            described = {
                "keyJson": xdr_format.encode(xdr.LedgerKey, key),
                "dataJson": xdr_format.encode(xdr.LedgerEntryData, entry.data_xdr),
            }
        described["lastModifiedLedgerSeq"] = entry.last_modified
        described |= xdr_format.field("ext", xdr.LedgerEntryExt, entry.extension)
        if entry.live_until is not None:
            # An archived persistent entry is still given, with 0 as its last ledger.
            alive = entry.is_live(self._chain.latest.sequence)
            described["liveUntilLedgerSeq"] = entry.live_until if alive else 0
        return described
