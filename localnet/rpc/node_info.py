"""getHealth, getNetwork, getVersionInfo, getLatestLedger: what the node says about itself."""

from typing import Final

from localnet.chain.chain_view import ChainView
from localnet.ledger.wire import base64_text
from localnet.rpc.go_numbers import go_duration
from localnet.rpc.jsonrpc import INTERNAL_ERROR, Result, RpcError
from localnet.rpc.parameters import Params, Structure
from poolkit.version import VERSION

GET_HEALTH: Final = Structure("GetHealthRequest")
GET_NETWORK: Final = Structure("GetNetworkRequest")
GET_VERSION_INFO: Final = Structure("GetVersionInfoRequest")
GET_LATEST_LEDGER: Final = Structure("GetLatestLedgerRequest")

MAX_HEALTHY_SECONDS: Final = 30

_NOT_BUILT = "0" * 40
_BUILD_TIMESTAMP = "2026-01-01T00:00:00"


class NodeInfo:
    """Answers from the chain; the latest ledger's encoding is kept, since everybody polls it."""

    def __init__(self, chain: ChainView, friendbot_url: str) -> None:
        self._chain = chain
        self._friendbot_url = friendbot_url
        self._latest: tuple[bytes, Result] = (b"", {})

    def health(self, _: Params) -> Result:
        """A node that is too far behind the network is unhealthy: an error, never a status."""
        behind = self._chain.behind_seconds
        if behind > MAX_HEALTHY_SECONDS:
            latency = f"latency ({go_duration(behind)}) since last known ledger closed is too high"
            raise RpcError(INTERNAL_ERROR, f"{latency} (>{go_duration(MAX_HEALTHY_SECONDS)})")
        latest, oldest = self._chain.latest, self._chain.history.oldest
        return {
            "status": "healthy",
            "latestLedger": latest.sequence,
            "latestLedgerCloseTime": str(latest.close_time),
            "oldestLedger": oldest.sequence,
            "oldestLedgerCloseTime": str(oldest.close_time),
            "ledgerRetentionWindow": self._chain.history.window,
        }

    def network(self, _: Params) -> Result:
        return {
            "friendbotUrl": self._friendbot_url,
            "passphrase": self._chain.network.passphrase,
            "protocolVersion": self._chain.settings.protocol_version,
        }

    def version(self, _: Params) -> Result:
        return {
            "version": f"{VERSION}-kale-localnet",
            "commitHash": _NOT_BUILT,
            "buildTimestamp": _BUILD_TIMESTAMP,
            "captiveCoreVersion": f"kale-localnet {VERSION}",
            "protocolVersion": self._chain.settings.protocol_version,
        }

    def latest_ledger(self, _: Params) -> Result:
        latest = self._chain.latest
        if self._latest[0] != latest.hash:
            self._latest = latest.hash, self._describe_latest()
        return self._latest[1]

    def _describe_latest(self) -> Result:
        latest = self._chain.latest
        return {
            "id": latest.hash.hex(),
            "protocolVersion": self._chain.settings.protocol_version,
            "sequence": latest.sequence,
            "closeTime": str(latest.close_time),
            "headerXdr": base64_text(latest.header),
            "metadataXdr": base64_text(latest.close_meta(self._chain.settings)),
        }
