"""How a G account authorises a contract call: CAP-71's built-in account contract."""

from collections.abc import Sequence
from dataclasses import dataclass

from stellar_sdk import Keypair, scval, xdr
from stellar_sdk.exceptions import BadSignatureError

from kale.contract_errors import TokenError
from localnet.ledger.accounts import signers
from localnet.soroban import cost_table
from localnet.soroban.budget import Budget
from localnet.soroban.errors import ErrorCode, ErrorType, contract_error, host_error

MAX_SIGNATURES = 20
_AUTHENTICATION = contract_error(TokenError.AUTHENTICATION)
_UNEXPECTED_TYPE = host_error(ErrorType.SCE_VALUE, ErrorCode.SCEC_UNEXPECTED_TYPE)
_BAD_SIGNATURE = host_error(ErrorType.SCE_CRYPTO, ErrorCode.SCEC_INVALID_INPUT)


class SignatureError(Exception):
    """A signature does not authorise; `error`, message and values are for the event log."""

    def __init__(self, error: xdr.SCError, message: str, *values: xdr.SCVal) -> None:
        super().__init__(message)
        self.error = error
        self.message = message
        self.values = values


@dataclass(frozen=True)
class _Signature:
    public_key: bytes
    signature: bytes


def check_account_signatures(
    account: xdr.AccountEntry, payload: bytes, signature: xdr.SCVal, budget: Budget
) -> None:
    """SignatureError unless `signature` authorises `payload` for the account.

    `signature` is a vector of maps {public_key, signature}: 1 to 20 of them, strictly
    increasing by key, each valid and of the account; their weights must reach the
    medium threshold.
    """
    weights = signers(account)
    previous: bytes | None = None
    weight = 0
    for item in _decoded(signature):
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


def _decoded(signature: xdr.SCVal) -> Sequence[_Signature]:
    if signature.vec is None:
        raise SignatureError(_UNEXPECTED_TYPE, "signature is not a vector")
    count = len(signature.vec.sc_vec)
    if count > MAX_SIGNATURES:
        raise SignatureError(_AUTHENTICATION, "too many account signers", scval.to_uint32(count))
    if count == 0:
        raise SignatureError(_AUTHENTICATION, "no account signatures found")
    return [_decoded_one(item) for item in signature.vec.sc_vec]


def _decoded_one(value: xdr.SCVal) -> _Signature:
    try:
        fields = scval.from_struct(value) if value.map is not None else {}
        public_key, signature = fields["public_key"], fields["signature"]
        decoded = _Signature(scval.from_bytes(public_key), scval.from_bytes(signature))
    except (KeyError, ValueError):
        raise SignatureError(_UNEXPECTED_TYPE, "signature is not a map of key and signature") from None
    if len(decoded.public_key) != 32 or len(decoded.signature) != 64:
        raise SignatureError(_UNEXPECTED_TYPE, "public key or signature has a wrong size")
    return decoded


def _verify(item: _Signature, payload: bytes) -> None:
    try:
        Keypair.from_raw_ed25519_public_key(item.public_key).verify(payload, item.signature)
    except BadSignatureError:
        raise SignatureError(_BAD_SIGNATURE, "failed ED25519 verification") from None
