"""API keys: how they are made, and the only form in which they are kept.

The key itself is shown once, to whoever asked for it. The database holds its
SHA-256: keys are long random strings, so a fast hash leaks nothing that could
be guessed.
"""

import hashlib
import secrets
import string

from poolkit.redaction import API_KEY_PREFIX

_ALPHABET = string.ascii_letters + string.digits


def new_api_key(length: int) -> str:
    """A random key of this many characters out of 62 (32 make 190 bits).

    Before them stands the prefix by which the logs know a key, and strike it out.
    """
    return API_KEY_PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(length))


def api_key_hash(key: str) -> bytes:
    """The 32 bytes under which a key is looked up."""
    return hashlib.sha256(key.encode()).digest()
