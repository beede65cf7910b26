"""What became of a transaction, read from its XDR: result, meta and diagnostic events.

A failed call's result says only TRAPPED. Why is in the diagnostic events, in
call order: the last error is what the call failed with; the first event with
that error is where it began. Both contracts of a KALE call number their errors
from 1, so the contract belongs to the code.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stellar_sdk import StrKey, xdr

from backend_svc.store.records import FailureKind

_ERROR = b"error"
_CONTRACT_ERROR_TEXT = re.compile(r"Error\((\w+), #?(\w+)\)")
_CONTRACT_OF_TEXT = re.compile(r"contract:(C[A-Z2-7]{55})")

FOOTPRINT_TRAP = "Error(Storage, ExceededLimit)"


@dataclass(frozen=True)
class Failure:
    """Why a call came to nothing.

    kind contract: `contract` (C…) returned the error `code`. host: a trap;
    `text` begins with its type, such as Error(Storage, ExceededLimit). result
    and refused: `text` begins with the result code, such as txBAD_SEQ.
    """

    kind: FailureKind
    text: str
    contract: str | None = None
    code: int | None = None

    @property
    def is_footprint_trap(self) -> bool:
        """The call touched an entry that its simulation did not: it fell on the other side of a block's
        boundary."""
        return self.kind is FailureKind.HOST and self.text.startswith(FOOTPRINT_TRAP)


@dataclass(frozen=True)
class Result:
    """A transaction's result; `code` is the inner one's where a fee bump carried it."""

    succeeded: bool
    code: str
    operation_code: str | None
    fee_charged_stroops: int


def read_result(result_xdr: str) -> Result:
    """Decode a TransactionResult (base64)."""
    outer = xdr.TransactionResult.from_xdr(result_xdr)
    body: xdr.TransactionResultResult | xdr.InnerTransactionResultResult = outer.result
    if outer.result.inner_result_pair is not None:
        body = outer.result.inner_result_pair.result.result
    return Result(
        succeeded=body.code == xdr.TransactionResultCode.txSUCCESS,
        code=body.code.name,
        operation_code=_operation_code(body.results or []),
        fee_charged_stroops=outer.fee_charged.int64,
    )


def return_value(meta_xdr: str | None) -> xdr.SCVal | None:
    """What the contract returned, from the meta (version 3 or 4); None for a classic transaction."""
    if meta_xdr is None:
        return None
    meta = xdr.TransactionMeta.from_xdr(meta_xdr)
    body = meta.v4 or meta.v3
    if body is None or body.soroban_meta is None:
        return None
    return body.soroban_meta.return_value


def diagnostic_events(events_xdr: Sequence[str], meta_xdr: str | None = None) -> list[xdr.DiagnosticEvent]:
    """The node's diagnostic events, from wherever its version puts them."""
    if events_xdr:
        return [xdr.DiagnosticEvent.from_xdr(event) for event in events_xdr]
    if meta_xdr is None:
        return []
    meta = xdr.TransactionMeta.from_xdr(meta_xdr)
    if meta.v4 is not None:
        return list(meta.v4.diagnostic_events)
    if meta.v3 is not None and meta.v3.soroban_meta is not None:
        return list(meta.v3.soroban_meta.diagnostic_events)
    return []


def failure_in_events(events: Sequence[xdr.DiagnosticEvent]) -> Failure | None:
    """The error that a call failed with; None if the events hold none."""
    errors = [(event.event, error) for event in events if (error := _error_of(event.event)) is not None]
    if not errors:
        return None
    final = errors[-1][1]
    origin = next(event for event, error in errors if error.to_xdr() == final.to_xdr())
    text = error_text(final)
    if final.contract_code is None:
        return Failure(FailureKind.HOST, f"{text} {_words(origin)}".strip())
    contract = origin.contract_id
    return Failure(
        FailureKind.CONTRACT,
        f"{text} {_words(origin)}".strip(),
        contract=StrKey.encode_contract(contract.contract_id.hash) if contract is not None else None,
        code=final.contract_code.uint32,
    )


def failure_in_text(text: str) -> Failure:
    """The same from a simulation's error text, where there are no events."""
    first_line = text.strip().split("\n", 1)[0]
    match = _CONTRACT_ERROR_TEXT.search(text)
    if match is None:
        return Failure(FailureKind.HOST, first_line)
    if match[1] != "Contract":
        return Failure(FailureKind.HOST, match[0])
    # The event log is printed newest first: the last one that names the error is its origin.
    lines = [line for line in text.split("\n") if match[0] in line and "contract:C" in line]
    contract = _CONTRACT_OF_TEXT.search(lines[-1]) if lines else None
    return Failure(
        FailureKind.CONTRACT, match[0], contract=contract[1] if contract else None, code=int(match[2])
    )


def failure_in_result(result: Result) -> Failure:
    """What the ledger's own codes say, where no event says more."""
    return Failure(FailureKind.RESULT, " ".join(filter(None, [result.code, result.operation_code])))


def refusal_code(error_result_xdr: str | None) -> str:
    """The code with which a node refused to take a transaction, such as txBAD_SEQ."""
    return "refused without a result" if error_result_xdr is None else read_result(error_result_xdr).code


def error_text(error: xdr.SCError) -> str:
    """As the host prints it: Error(Contract, #8), Error(Storage, ExceededLimit)."""
    if error.contract_code is not None:
        return f"Error(Contract, #{error.contract_code.uint32})"
    code = _camel(error.code.name, "SCEC_") if error.code is not None else "Unknown"
    return f"Error({_camel(error.type.name, 'SCE_')}, {code})"


def _operation_code(results: Sequence[xdr.OperationResult]) -> str | None:
    if not results:
        return None
    first = results[0]
    if first.tr is None:
        return first.code.name
    for body in (first.tr.invoke_host_function_result, first.tr.change_trust_result, first.tr.payment_result):
        if body is not None:
            return body.code.name
    return first.code.name


def _error_of(event: xdr.ContractEvent) -> xdr.SCError | None:
    topics = event.body.v0.topics if event.body.v0 is not None else []
    if len(topics) < 2 or topics[0].sym is None or topics[0].sym.sc_symbol != _ERROR:
        return None
    return topics[1].error


def _words(event: xdr.ContractEvent) -> str:
    """The host's own words beside the error, which name the entry or the amounts."""
    data = event.body.v0.data if event.body.v0 is not None else None
    if data is None:
        return ""
    if data.vec is not None and data.vec.sc_vec:
        data = data.vec.sc_vec[0]
    return data.str.sc_string.decode(errors="replace") if data.str is not None else ""


def _camel(name: str, prefix: str) -> str:
    return "".join(part.capitalize() for part in name.removeprefix(prefix).split("_"))
