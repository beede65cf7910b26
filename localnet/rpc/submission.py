"""sendTransaction: into the queue, or why not."""

from typing import Any, Final

from stellar_sdk import xdr

from localnet.chain.chain_view import ChainView
from localnet.rpc.jsonrpc import Result
from localnet.rpc.parameters import TEXT, Params, Structure, decode_base64, invalid
from localnet.rpc.xdr_format import read_format
from localnet.transactions.envelopes import EnvelopeError

SEND_TRANSACTION: Final = Structure("SendTransactionRequest", {"transaction": TEXT, "xdrFormat": TEXT})


class Submissions:
    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    def send(self, params: Params) -> Result:
        xdr_format = read_format(params)
        try:
            submitted = self._chain.submit(decode_base64(params.get("transaction", "")))
        except (EnvelopeError, ValueError) as error:
            raise invalid("invalid_xdr") from error
        answer: dict[str, Any] = {
            "status": submitted.submission.status.value,
            "hash": submitted.hash.hex(),
            "latestLedger": self._chain.latest.sequence,
            "latestLedgerCloseTime": str(self._chain.latest.close_time),
        }
        result = submitted.submission.result
        if result is not None:
            answer |= xdr_format.field("errorResult", xdr.TransactionResult, result.encode())
            if result.fault is not None:
                events = xdr_format.encode_all(xdr.DiagnosticEvent, [result.fault.diagnostic_event()])
                answer[f"diagnosticEvents{xdr_format.suffix}"] = events
        return answer
