"""Columns as the rest of the Backend wants them: ids as str, bytes as bytes, statuses as enums.

The classes are untyped on purpose (peewee's stubs type a column by its
built-in class): what leaves this package are the records, and those are typed.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from peewee import Field


class IdField(Field):
    """A uuid column, a str in Python: lower case, with dashes."""

    field_type = "UUID"

    def python_value(self, value: str | UUID | None) -> str | None:
        return None if value is None else str(value)


class BytesField(Field):
    """A bytea column. psycopg2 answers with a memoryview, nobody else wants one."""

    field_type = "BYTEA"

    def python_value(self, value: memoryview | bytes | None) -> bytes | None:
        return None if value is None else bytes(value)


class NonceField(Field):
    """A nonce is an unsigned 64-bit number: too large for bigint, so numeric(20)."""

    field_type = "NUMERIC"

    def python_value(self, value: Decimal | None) -> int | None:
        return None if value is None else int(value)


class EnumField(Field):
    """A text column under a CHECK, one member of an enum in Python."""

    field_type = "TEXT"

    def __init__(self, enum: type[StrEnum], **options: Any) -> None:
        super().__init__(**options)
        self._enum = enum

    def db_value(self, value: str | None) -> str | None:
        return None if value is None else str(self._enum(value))

    def python_value(self, value: str | None) -> StrEnum | None:
        return None if value is None else self._enum(value)
