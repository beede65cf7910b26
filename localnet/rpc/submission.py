"""sendTransaction: into the queue, or why not."""

from typing import Any

from localnet.chain.chain_view import ChainView
from localnet.ledger.wire import base64_text
from localnet.rpc.jsonrpc import Params, Result
from localnet.rpc.parameters import decode_base64, invalid, require_base64_format, required_text
from localnet.transactions.envelopes import EnvelopeError


class Submissions:
    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    def send(self, params: Params) -> Result:
        require_base64_format(params)
        try:
            submitted = self._chain.submit(decode_base64(required_text(params, "transaction")))
        except (EnvelopeError, ValueError) as error:
            raise invalid("invalid_xdr", str(error)) from error
        answer: dict[str, Any] = {
            "status": submitted.submission.status.value,
            "hash": submitted.hash.hex(),
            "latestLedger": self._chain.latest.sequence,
            "latestLedgerCloseTime": str(self._chain.latest.close_time),
        }
        if submitted.submission.result is not None:
            answer["errorResultXdr"] = base64_text(submitted.submission.result.encode())
        return answer
