"""Whether an envelope's signatures carry enough weight for its accounts."""

from stellar_sdk import Keypair, xdr
from stellar_sdk.exceptions import BadSignatureError

from localnet.transactions.envelopes import Envelope

_MASTER, _LOW, _MEDIUM, _HIGH = range(4)
LOW_THRESHOLD = _LOW
MEDIUM_THRESHOLD = _MEDIUM


class SignatureChecker:
    """Checks one part of an envelope (the whole of a plain one; outer or inner part of a fee bump).

    Remembers which signatures were of use, because one that nobody needs makes the transaction invalid.
    """

    def __init__(
        self, envelope: Envelope, message_hash: bytes, signatures: list[xdr.DecoratedSignature]
    ) -> None:
        self._envelope = envelope
        self._hash = message_hash
        self._signatures = signatures
        self._used: set[int] = set()

    def has_weight(self, account: xdr.AccountEntry, threshold: int) -> bool:
        """Whether signatures of the account's signers reach the threshold (at least weight 1)."""
        needed = max(account.thresholds.thresholds[threshold], 1)
        weight = 0
        for key, key_weight in signers(account).items():
            if self._signed_by(key):
                weight += key_weight
            if weight >= needed:
                return True
        return False

    def signed_by(self, public_key: bytes) -> bool:
        """Whether a key signed that need not belong to any account (extra signer, account to be created)."""
        return self._signed_by(public_key)

    def all_used(self) -> bool:
        return len(self._used) == len(self._signatures)

    def _signed_by(self, key: bytes) -> bool:
        for position, signature in enumerate(self._signatures):
            if signature.hint.signature_hint == key[-4:] and self._verifies(key, signature):
                self._used.add(position)
                return True
        return False

    def _verifies(self, key: bytes, signature: xdr.DecoratedSignature) -> bool:
        signed = (key, self._hash, signature.signature.signature)
        known = self._envelope.verified.get(signed)
        if known is None:
            known = self._envelope.verified[signed] = _verifies(*signed)
        return known


def signers(account: xdr.AccountEntry) -> dict[bytes, int]:
    """The account's ed25519 signers and their weights."""
    weights = {
        signer.key.ed25519.uint256: min(signer.weight.uint32, 255)
        for signer in account.signers
        if signer.key.ed25519 is not None
    }
    master_weight = account.thresholds.thresholds[_MASTER]
    if master_weight:
        master = account.account_id.account_id.ed25519
        assert master is not None
        weights[master.uint256] = master_weight
    return weights


def _verifies(key: bytes, message_hash: bytes, signature: bytes) -> bool:
    try:
        Keypair.from_raw_ed25519_public_key(key).verify(message_hash, signature)
    except (BadSignatureError, ValueError):
        return False
    return True
