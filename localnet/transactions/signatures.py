"""Whether an envelope's signatures carry enough weight for its accounts."""

from stellar_sdk import Keypair, xdr
from stellar_sdk.exceptions import BadSignatureError

from localnet.ledger.accounts import signers
from localnet.transactions.envelopes import Envelope

LOW_THRESHOLD = xdr.ThresholdIndexes.THRESHOLD_LOW
MEDIUM_THRESHOLD = xdr.ThresholdIndexes.THRESHOLD_MED


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

    def has_weight(self, account: xdr.AccountEntry, threshold: xdr.ThresholdIndexes) -> bool:
        """Whether signatures of the account's signers reach the threshold (at least weight 1)."""
        needed = max(account.thresholds.thresholds[threshold], 1)
        weight = 0
        for key, key_weight in signers(account).items():
            if self.signed_by(key):
                weight += key_weight
            if weight >= needed:
                return True
        return False

    def signed_by(self, key: bytes) -> bool:
        """Whether a key signed, be it an account's or not (extra signer, account to be created)."""
        for position, signature in enumerate(self._signatures):
            if signature.hint.signature_hint == key[-4:] and self._verifies(key, signature):
                self._used.add(position)
                return True
        return False

    def all_used(self) -> bool:
        return len(self._used) == len(self._signatures)

    def _verifies(self, key: bytes, signature: xdr.DecoratedSignature) -> bool:
        signed = (key, self._hash, signature.signature.signature)
        known = self._envelope.verified.get(signed)
        if known is None:
            known = self._envelope.verified[signed] = _verifies(*signed)
        return known


def _verifies(key: bytes, message_hash: bytes, signature: bytes) -> bool:
    try:
        Keypair.from_raw_ed25519_public_key(key).verify(message_hash, signature)
    except (BadSignatureError, ValueError):
        return False
    return True
