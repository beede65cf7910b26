"""Whether an envelope's signatures carry enough weight for its accounts."""

import hashlib
from collections.abc import Iterable, Sequence

from stellar_sdk import Keypair, xdr
from stellar_sdk.exceptions import BadSignatureError
from stellar_sdk.xdr import SignerKeyType

from localnet.ledger.accounts import MAX_SIGNER_WEIGHT, master_weight, public_key
from localnet.transactions.envelopes import Envelope

LOW_THRESHOLD = xdr.ThresholdIndexes.THRESHOLD_LOW

# The order in which stellar-core tries the kinds of signers that sign; it decides which signatures are used.
_SIGNING_KINDS = (
    SignerKeyType.SIGNER_KEY_TYPE_HASH_X,
    SignerKeyType.SIGNER_KEY_TYPE_ED25519,
    SignerKeyType.SIGNER_KEY_TYPE_ED25519_SIGNED_PAYLOAD,
)


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
        weight = master_weight(account)
        if not account.signers:
            return weight > 0 and self.signed_by(public_key(account.account_id)) and weight >= needed
        master = xdr.Signer(ed25519_signer_key(public_key(account.account_id)), xdr.Uint32(weight))
        return self._reach([master, *account.signers] if weight else account.signers, needed)

    def signed_by(self, key: bytes) -> bool:
        """Whether an ed25519 key signed, be it an account's or that of one to be created."""
        for position, signature in enumerate(self._signatures):
            if signature.hint.signature_hint == key[-4:] and self._verifies(key, self._hash, signature):
                self._used.add(position)
                return True
        return False

    def all_signed(self, keys: Sequence[xdr.SignerKey]) -> bool:
        """Whether each of a transaction's extra signers (CAP-21) signed."""
        return not keys or self._reach([xdr.Signer(key, xdr.Uint32(1)) for key in keys], len(keys))

    def all_used(self) -> bool:
        return len(self._used) == len(self._signatures)

    def _reach(self, signers: Iterable[xdr.Signer], needed: int) -> bool:
        """Counts one signature a signer, by kind of signer, and no more of them than are needed."""
        left = list(signers)
        weight = sum(_weight(signer) for signer in left if self._authorized_before(signer.key))
        if weight >= needed:
            return True
        for kind in _SIGNING_KINDS:
            of_kind = [signer for signer in left if signer.key.type is kind]
            for position, signature in enumerate(self._signatures):
                found = next((signer for signer in of_kind if self._matches(signer.key, signature)), None)
                if found is None:
                    continue
                self._used.add(position)
                of_kind.remove(found)
                weight += _weight(found)
                if weight >= needed:
                    return True
        return False

    def _authorized_before(self, key: xdr.SignerKey) -> bool:
        """Whether the signer is the hash of this very transaction: that needs no signature."""
        return key.pre_auth_tx is not None and key.pre_auth_tx.uint256 == self._hash

    def _matches(self, key: xdr.SignerKey, signature: xdr.DecoratedSignature) -> bool:
        if key.ed25519 is not None:
            public = key.ed25519.uint256
            return signature.hint.signature_hint == public[-4:] and self._verifies(
                public, self._hash, signature
            )
        if key.hash_x is not None:
            hashed = key.hash_x.uint256
            return (
                signature.hint.signature_hint == hashed[-4:]
                and hashlib.sha256(signature.signature.signature).digest() == hashed
            )
        assert key.ed25519_signed_payload is not None
        public = key.ed25519_signed_payload.ed25519.uint256
        payload = key.ed25519_signed_payload.payload
        return signature.hint.signature_hint == _payload_hint(public, payload) and self._verifies(
            public, payload, signature
        )

    def _verifies(self, key: bytes, message: bytes, signature: xdr.DecoratedSignature) -> bool:
        signed = (key, message, signature.signature.signature)
        known = self._envelope.verified.get(signed)
        if known is None:
            known = self._envelope.verified[signed] = _verifies(*signed)
        return known


def ed25519_signer_key(key: bytes) -> xdr.SignerKey:
    return xdr.SignerKey(SignerKeyType.SIGNER_KEY_TYPE_ED25519, ed25519=xdr.Uint256(key))


def _weight(signer: xdr.Signer) -> int:
    return min(signer.weight.uint32, MAX_SIGNER_WEIGHT)


def _payload_hint(key: bytes, payload: bytes) -> bytes:
    """The key's hint, xor the last four bytes of the payload, zeros behind a shorter one (CAP-40)."""
    tail = payload[-4:].ljust(4, b"\x00")
    return bytes(one ^ other for one, other in zip(key[-4:], tail, strict=True))


def _verifies(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Keypair.from_raw_ed25519_public_key(key).verify(message, signature)
    except (BadSignatureError, ValueError):
        return False
    return True
