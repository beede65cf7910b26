"""How a G account authorises a contract call: CAP-71's built-in account contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stellar_sdk import Keypair, scval, xdr
from stellar_sdk.exceptions import BadSignatureError

from kale.contract_errors import TokenError
from localnet.ledger.accounts import signers
from localnet.soroban import cost_table
from localnet.soroban.budget import Budget
from localnet.soroban.errors import ErrorCode, ErrorType, contract_error, host_error

MAX_SIGNATURES = 20
_FIELDS: Final = {b"public_key": 32, b"signature": 64}
_AUTHENTICATION = contract_error(TokenError.AUTHENTICATION)
_BAD_SIGNATURE = host_error(ErrorType.SCE_CRYPTO, ErrorCode.SCEC_INVALID_INPUT)
_UNEXPECTED_TYPE = host_error(ErrorType.SCE_VALUE, ErrorCode.SCEC_UNEXPECTED_TYPE)
_UNEXPECTED_SIZE = host_error(ErrorType.SCE_VALUE, ErrorCode.SCEC_UNEXPECTED_SIZE)
_UNEXPECTED_FIELD = host_error(ErrorType.SCE_VALUE, ErrorCode.SCEC_INVALID_INPUT)
_UNEXPECTED_FIELDS = host_error(ErrorType.SCE_OBJECT, ErrorCode.SCEC_UNEXPECTED_SIZE)


class SignatureError(Exception):
    """A signature does not authorise; `error`, message and values are for the event log.

    The log has no event for it if there is no message: the host says nothing of values of a wrong type.
    """

    def __init__(self, error: xdr.SCError, message: str = "", *values: xdr.SCVal) -> None:
        super().__init__(message)
        self.error = error
        self.message = message
        self.values = values


@dataclass(frozen=True)
class _Signature:
    public_key: bytes
    signature: bytes


def given_signatures(signature: xdr.SCVal) -> Sequence[xdr.SCVal]:
    """What the credentials hold, not decoded yet. SignatureError unless it is a vector of 1 to 20."""
    given = signature.vec.sc_vec if signature.vec is not None else None
    if given is None:
        raise SignatureError(_UNEXPECTED_TYPE)
    if len(given) > MAX_SIGNATURES:
        raise SignatureError(_AUTHENTICATION, "too many account signers", scval.to_uint32(len(given)))
    if not given:
        raise SignatureError(_AUTHENTICATION, "no account signatures found")
    return given


def check_account_signatures(
    account: xdr.AccountEntry, payload: bytes, given: Sequence[xdr.SCVal], budget: Budget
) -> None:
    """SignatureError unless the signatures given authorise `payload` for the account.

    They are maps {public_key, signature}, strictly increasing by key, each valid and of the
    account; their weights must reach the medium threshold.
    """
    weights = signers(account)
    previous: bytes | None = None
    weight = 0
    for item in map(_decoded, given):
        if previous is not None and previous >= item.public_key:
            raise SignatureError(
                _AUTHENTICATION,
                "public keys are not ordered",
                scval.to_bytes(previous),
                scval.to_bytes(item.public_key),
            )
        budget.charge(cost_table.SIGNATURE)
        _verify(item, payload)
        if not weights.get(item.public_key, 0):
            raise SignatureError(
                _AUTHENTICATION, "signer does not belong to account", scval.to_bytes(item.public_key)
            )
        weight += weights[item.public_key]
        previous = item.public_key
    threshold = account.thresholds.thresholds[xdr.ThresholdIndexes.THRESHOLD_MED]
    if weight < threshold:
        raise SignatureError(
            _AUTHENTICATION,
            "signature weight is lower than threshold",
            scval.to_uint32(weight),
            scval.to_uint32(threshold),
        )


def _decoded(value: xdr.SCVal) -> _Signature:
    if value.map is None:
        raise SignatureError(_UNEXPECTED_TYPE)
    fields = value.map.sc_map
    if len(fields) != len(_FIELDS):
        raise SignatureError(
            _UNEXPECTED_FIELDS, "differing host map and output slice lengths when unpacking map to slice"
        )
    for name, field in zip(_FIELDS, fields, strict=True):
        if field.key.sym is None:
            raise SignatureError(_UNEXPECTED_TYPE)
        if field.key.sym.sc_symbol != name:
            raise SignatureError(_UNEXPECTED_FIELD, "symbol mismatch", field.key)
    public_key, signature = (
        _bytes(field.val, size) for field, size in zip(fields, _FIELDS.values(), strict=True)
    )
    return _Signature(public_key, signature)


def _bytes(value: xdr.SCVal, size: int) -> bytes:
    if value.bytes is None:
        raise SignatureError(_UNEXPECTED_TYPE)
    content = value.bytes.sc_bytes
    if len(content) != size:
        raise SignatureError(_UNEXPECTED_SIZE, "Bytes had unexpected size", scval.to_uint32(len(content)))
    return content


def _verify(item: _Signature, payload: bytes) -> None:
    try:
        Keypair.from_raw_ed25519_public_key(item.public_key).verify(payload, item.signature)
    except BadSignatureError:
        raise SignatureError(_BAD_SIGNATURE, "failed ED25519 verification") from None
