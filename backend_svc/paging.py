"""Opaque page tokens: where the next page of a list starts.

A token names the last row of the page before, so that rows which appear or
vanish meanwhile neither repeat nor skip others. It is bound to the filters of
the list, so that a token of one list is refused by another.
"""

import base64
import hashlib

_FILTER_DIGEST_BYTES = 8


class UnreadablePageTokenError(ValueError):
    """The token was not made by this list with these filters."""


def page_token(last_key: str, filters: str) -> str:
    """The token of the page that starts after the row with this key."""
    return base64.urlsafe_b64encode(_digest(filters) + last_key.encode()).decode()


def page_start(token: str, filters: str) -> str:
    """The key after which the page starts; empty for the first page.

    Raises UnreadablePageTokenError.
    """
    if not token:
        return ""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
        last_key = raw[_FILTER_DIGEST_BYTES:].decode()
    except ValueError as error:  # not ASCII, not base64, not UTF-8
        raise UnreadablePageTokenError("is not a page token") from error
    if raw[:_FILTER_DIGEST_BYTES] != _digest(filters):
        raise UnreadablePageTokenError("belongs to a list with other filters")
    return last_key


def _digest(filters: str) -> bytes:
    return hashlib.sha256(filters.encode()).digest()[:_FILTER_DIGEST_BYTES]
