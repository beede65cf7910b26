"""What an admin request may say, and the error it gets if it says something else."""

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

Result = Mapping[str, Any]
"""An answer, as JSON."""

_LIMITS = ("gt", "ge", "lt", "le", "min_length", "max_length", "expected")


class AdminError(Exception):
    """A request that is refused; `status` is HTTP's.

    400: not as the route wants it. 409: not in the state that the chain is in.
    """

    def __init__(self, status: int, message: str, **details: object) -> None:
        """`details` name the field, its limit and the value where there are any."""
        super().__init__(message)
        self.status = status
        self.details = details


class Fields(BaseModel):
    """The fields of a request: each known, each of its type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NoFields(Fields):
    """A request that has nothing to say."""


class FileFields(Fields):
    """`text`: a file's; `source` is what refusals call it."""

    text: str
    source: str = Field("text", max_length=4_096)


R = TypeVar("R", bound=Fields)


@dataclass(frozen=True)
class Route(Generic[R]):
    """One path: what its requests look like, and who serves them."""

    fields: type[R]
    serve: Callable[[R], Awaitable[Result]]

    async def answer(self, body: bytes) -> Result:
        """Raises AdminError."""
        return await self.serve(_read(self.fields, body))


Routes = Mapping[str, Route[Any]]


def _read(kind: type[R], body: bytes) -> R:
    try:
        return kind.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise _refusal(error.errors(include_url=False)[0]) from None


def _refusal(fault: ErrorDetails) -> AdminError:
    """The first fault: the field by its path, the limit if it has one, and what was sent."""
    context = fault.get("ctx", {})
    problem = str(context.get("error", fault["msg"]))
    field = ".".join(str(part) for part in fault["loc"])
    if not field:
        return AdminError(400, f"the body is no JSON object that this path takes: {problem}")
    limits = [context[name] for name in _LIMITS if name in context]
    details = {"limit": limits[0]} if limits else {}
    if fault["type"] == "missing":
        return AdminError(400, f"{field}: {problem}", field=field)
    value = fault["input"]
    if isinstance(value, float) and not math.isfinite(value):
        value = repr(value)  # JSON has no number for it
    return AdminError(400, f"{field}: {problem} (got {value!r})", field=field, value=value, **details)
