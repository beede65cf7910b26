"""What must never be seen in a log line, and how it is struck out."""

import re
from collections.abc import Mapping
from typing import Any, Final

REDACTED: Final = "[redacted]"

# The prefix that every API key of the pool carries, so that one can be recognised anywhere.
API_KEY_PREFIX: Final = "kalepool_"

_SECRET_FIELD = re.compile(
    r"(?i)(^|_)(seed|secret|password|passwd|authorization|api_key|apikey|master_key|private_key|bearer|jwt)($|_)"
)
_PATTERNS: Final = (
    # A Stellar secret seed (SEP-23: version byte S, 56 characters of base32).
    (re.compile(r"S[A-Z2-7]{55}"), REDACTED),
    (re.compile(r"(?i)\b(bearer\s+)[^\s'\",;)]+"), r"\1" + REDACTED),
    (re.compile(re.escape(API_KEY_PREFIX) + r"[A-Za-z0-9_\-]{16,}"), REDACTED),
    # The password of a URL such as DATABASE_URL.
    (re.compile(r"([a-z][a-z0-9+.\-]*://[^\s:/@]*:)[^\s@/]+@", re.IGNORECASE), r"\1" + REDACTED + "@"),
    # libpq's keyword form of the same.
    (re.compile(r"(?i)\b(password\s*=\s*)('[^']*'|[^\s'\",;)]+)"), r"\1" + REDACTED),
)


def redact_text(text: str) -> str:
    """The text without seeds, bearer tokens, API keys and URL passwords."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact(value: Any, field: str = "") -> Any:
    """The value with secrets struck out, at any depth; fields that are named as secrets go whole."""
    if value is not None and _SECRET_FIELD.search(field):
        return REDACTED
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {key: redact(item, str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return redact_text(str(value))
