"""Checks of request fields: each violation names the field, the limit and the value it has.

    with FieldChecks() as check:
        request_id = check.uuid("request_id", request.request_id)
        stake = check.basis_points("stake_basis_points", request.stake_basis_points)

Leaving the block raises one InvalidField with everything that was wrong. What a failed check
returns is the value as it came: nothing inside the block may act on it.
"""

import re
import uuid
from collections.abc import Collection, Sequence, Sized
from types import TracebackType
from typing import Any, Final, Protocol, Self

from stellar_sdk import StrKey

from poolkit.errors import FieldViolation, InvalidField

MOST_STROOPS: Final = 2**63 - 1
MOST_U32: Final = 2**32 - 1
MOST_U64: Final = 2**64 - 1
_LONGEST_SHOWN_VALUE = 80
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


def shown(value: object) -> str:
    """The value as a violation shows it: shortened, and never as a secret seed."""
    if isinstance(value, str) and StrKey.is_valid_ed25519_secret_seed(value):
        return "a secret seed"
    text = f"{len(value)} bytes" if isinstance(value, bytes) else repr(value)
    return text if len(text) <= _LONGEST_SHOWN_VALUE else text[: _LONGEST_SHOWN_VALUE - 1] + "…"


class EnumChoices(Protocol):
    """A protobuf enum, e.g. `backend_pb2.WorkStatus`."""

    def items(self) -> Sequence[tuple[str, Any]]: ...

    def values(self) -> Sequence[Any]: ...


class FieldChecks:
    """Collects violations; raises them together at the end of its `with` block, or by `finish`."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self.violations: list[FieldViolation] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()

    def finish(self) -> None:
        """Raises InvalidField if any check failed."""
        if self.violations:
            text = "; ".join(f"{v.field}: {v.description}" for v in self.violations[:3])
            more = len(self.violations) - 3
            raise InvalidField(
                text + (f"; and {more} more" if more > 0 else ""), field_violations=self.violations
            )

    def require(self, holds: bool, field: str, limit: str, value: object) -> None:
        """Any rule: `limit` says what must hold, e.g. "must be at most 100"."""
        if not holds:
            self.violations.append(FieldViolation(self._prefix + field, f"{limit} (got {shown(value)})"))

    def uuid(self, field: str, value: str) -> str:
        """A UUID in its canonical form, lower case with hyphens; returned in that form."""
        try:
            parsed = str(uuid.UUID(value))
        except ValueError:
            parsed = ""
        self.require(parsed != "" and parsed == value.lower(), field, "must be a UUID", value)
        return parsed or value

    def integer(self, field: str, value: int, *, least: int, most: int) -> int:
        self.require(least <= value <= most, field, f"must be from {least:,} to {most:,}", value)
        return value

    def stroops(self, field: str, value: int, *, least: int = 0, most: int = MOST_STROOPS) -> int:
        self.require(least <= value <= most, field, f"must be from {least:,} to {most:,} stroops", value)
        return value

    def basis_points(self, field: str, value: int, *, least: int = 0, most: int = 10_000) -> int:
        self.require(least <= value <= most, field, f"must be from {least:,} to {most:,} basis points", value)
        return value

    def u32(self, field: str, value: int, *, least: int = 0) -> int:
        return self.integer(field, value, least=least, most=MOST_U32)

    def text(self, field: str, value: str, *, least: int = 1, most: int = 200) -> str:
        """Length in characters; control characters are refused. Returned without outer blanks."""
        stripped = value.strip()
        self.require(
            least <= len(stripped) <= most, field, f"must have from {least} to {most} characters", value
        )
        self.require(stripped.isprintable(), field, "must hold no control characters", value)
        return stripped

    def email(self, field: str, value: str) -> str:
        fits = len(value) <= 254 and value.isprintable() and _EMAIL.fullmatch(value) is not None
        self.require(fits, field, "must be an e-mail address of at most 254 characters", value)
        return value

    def bytes_of(self, field: str, value: bytes, *, length: int) -> bytes:
        self.require(len(value) == length, field, f"must have {length} bytes", value)
        return value

    def account(self, field: str, value: str) -> str:
        """A Stellar account's public key, G… with its checksum (SEP-23)."""
        fits = StrKey.is_valid_ed25519_public_key(value)
        self.require(fits, field, "must be a Stellar account address (G…)", value)
        return value

    def contract(self, field: str, value: str) -> str:
        """A contract's address, C… with its checksum (SEP-23)."""
        self.require(StrKey.is_valid_contract(value), field, "must be a contract address (C…)", value)
        return value

    def address(self, field: str, value: str) -> str:
        """An account's or a contract's address."""
        fits = StrKey.is_valid_ed25519_public_key(value) or StrKey.is_valid_contract(value)
        self.require(fits, field, "must be a Stellar address (G… or C…)", value)
        return value

    def transaction_hash(self, field: str, value: str) -> str:
        """64 hex digits; returned in lower case."""
        fits = re.fullmatch(r"[0-9a-fA-F]{64}", value) is not None
        self.require(fits, field, "must be 64 hex digits", value)
        return value.lower()

    def elements(self, field: str, value: Sized, *, least: int = 0, most: int) -> None:
        """The number of elements of a repeated field."""
        fits = least <= len(value) <= most
        self.require(fits, field, f"must have from {least} to {most} elements", len(value))

    def one_of(self, field: str, value: str, choices: Collection[str]) -> str:
        self.require(value in choices, field, f"must be one of {', '.join(sorted(choices))}", value)
        return value

    def enum(self, field: str, value: int, choices: EnumChoices) -> int:
        """A known value of a protobuf enum other than its zero, which stands for "not given"."""
        known = [name for name, number in choices.items() if number]
        fits = value != 0 and value in choices.values()
        self.require(fits, field, f"must be one of {', '.join(known)}", value)
        return value

    def page_size(self, field: str, value: int, *, default: int, most: int) -> int:
        """0 stands for the default."""
        self.require(0 <= value <= most, field, f"must be from 0 to {most}", value)
        return value or default
