"""getLedgerEntries: entries as of the last closed ledger."""

from typing import Any

from stellar_sdk import xdr
from xdrlib3 import Error as XdrError

from localnet.chain.chain_view import ChainView
from localnet.ledger import wire
from localnet.ledger.entries import StoredEntry
from localnet.rpc.jsonrpc import INTERNAL_ERROR, Params, Result, RpcError
from localnet.rpc.parameters import decode_base64, invalid, optional_texts, require_base64_format

MAX_KEYS = 200

_TTL = wire.int32(xdr.LedgerEntryType.TTL)


class LedgerEntries:
    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    def get(self, params: Params) -> Result:
        require_base64_format(params)
        texts = optional_texts(params, "keys")
        if len(texts) > MAX_KEYS:
            raise invalid(f"key count ({len(texts)}) exceeds maximum supported ({MAX_KEYS})")
        keys = [self._key(text, position) for position, text in enumerate(texts)]
        if not keys or len(set(keys)) < len(keys):
            raise RpcError(INTERNAL_ERROR, "could not query captive core: keys are empty or repeated")
        found = ((text, self._chain.state.find(key)) for text, key in zip(texts, keys, strict=True))
        return {
            "entries": [self._describe(text, entry) for text, entry in found if entry is not None],
            "latestLedger": self._chain.latest.sequence,
        }

    def _key(self, text: str, position: int) -> bytes:
        """The key's bytes. One that is in the ledger need not be decoded to know that it is sound."""
        try:
            key = decode_base64(text)
            if self._chain.state.find(key) is None:
                xdr.LedgerKey.from_xdr_bytes(key)
        except (ValueError, EOFError, XdrError) as error:
            raise invalid(f"cannot unmarshal key value {text} at index {position}", str(error)) from error
        if key[:4] == _TTL:
            raise invalid("ledger ttl entries cannot be queried directly")
        return key

    def _describe(self, text: str, entry: StoredEntry) -> dict[str, Any]:
        described = {
            "key": text,
            "xdr": wire.base64_text(entry.data_xdr),
            "lastModifiedLedgerSeq": entry.last_modified,
            "extXdr": wire.base64_text(entry.extension),
        }
        if entry.live_until is not None:
            # An archived persistent entry is still given, with 0 as its last ledger.
            alive = entry.is_live(self._chain.latest.sequence)
            described["liveUntilLedgerSeq"] = entry.live_until if alive else 0
        return described
