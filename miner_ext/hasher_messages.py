"""The lines that a hasher process and its owner exchange: one JSON object a line, `type` first.

Commands, owner to process:
    {"type": "assign", "farmer_id": "…", "block_index": 37, "entropy": "<hex>", "farmer_key": "<hex>",
     "nonce_from": 0, "weight": 1, "hashes_done": 0, "assignment": 1}
        Hash for this farmer and block from now on. A second time for the same puzzle only sets the weight,
        with another puzzle it replaces the job. `hashes_done` counts as done already: it matters for the
        shares and is included in what is reported. `assignment` comes back in the reports of this job: what
        is still under way of a replaced one can be told apart.
    {"type": "cancel", "farmer_id": "…", "block_index": 37}
    {"type": "stop"}
        End. So does the end of the input: a process whose owner was killed doesn't stay behind.

Reports, process to owner:
    {"type": "ready", "kernel": "portable", "threads": 2}
        The first line.
    {"type": "improvement", "farmer_id": "…", "block_index": 37, "assignment": 1, "nonce": 5, "zeros": 3,
     "hash": "<hex>", "hashes": 8192}
        At once when a job has a nonce with more zeros than before. `hashes`: done for the job by then.
    {"type": "progress", "hashes_total": 16384,
     "jobs": [{"farmer_id": "…", "block_index": 37, "assignment": 1, "hashes": 8192, "next_nonce": 8192}]}
        Several times a second, also when nothing happens: the heartbeat. `hashes_total` since the start of
        the process, the jobs whose hashes changed since the last progress. `next_nonce`: all below, from
        where the job began, have been tried; so a new process can go on there.
    {"type": "error", "message": "…", "line": "…"}
        A command was malformed and had no effect.
"""

from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

_SHOWN_CHARACTERS: Final = 200

_Index = Annotated[int, Field(ge=0, lt=2**32)]
_Count = Annotated[int, Field(ge=0, lt=2**64)]
_Bytes32 = Annotated[bytes, Field(min_length=32, max_length=32)]


class MalformedLine(ValueError):
    """A line that is no message; the text names field, limit and value."""


class _Message(BaseModel):
    """Bytes are hex in JSON; unknown fields and values of another type are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, ser_json_bytes="hex", val_json_bytes="hex"
    )


class Assign(_Message):
    type: Literal["assign"] = "assign"
    farmer_id: str
    block_index: _Index
    entropy: _Bytes32
    farmer_key: _Bytes32
    nonce_from: _Count
    weight: Annotated[int, Field(ge=1, lt=2**32)] = 1
    hashes_done: _Count = 0
    assignment: _Count = 0


class Cancel(_Message):
    type: Literal["cancel"] = "cancel"
    farmer_id: str
    block_index: _Index


class Stop(_Message):
    type: Literal["stop"] = "stop"


class Ready(_Message):
    type: Literal["ready"] = "ready"
    kernel: str
    threads: int


class Improved(_Message):
    type: Literal["improvement"] = "improvement"
    farmer_id: str
    block_index: _Index
    assignment: _Count = 0
    nonce: _Count
    zeros: int
    hash: _Bytes32
    hashes: _Count


class JobHashes(_Message):
    farmer_id: str
    block_index: _Index
    assignment: _Count = 0
    hashes: _Count
    next_nonce: Annotated[int, Field(ge=0, le=2**64)]


class Progressed(_Message):
    type: Literal["progress"] = "progress"
    hashes_total: _Count
    jobs: tuple[JobHashes, ...]


class Refused(_Message):
    type: Literal["error"] = "error"
    message: str
    line: str


Command = Assign | Cancel | Stop
Report = Ready | Improved | Progressed | Refused

_COMMANDS: Final = TypeAdapter[Command](Annotated[Command, Field(discriminator="type")])
_REPORTS: Final = TypeAdapter[Report](Annotated[Report, Field(discriminator="type")])


def encode(message: Command | Report) -> bytes:
    """The message as a line, with its newline."""
    return message.model_dump_json().encode() + b"\n"


def decode_command(line: bytes) -> Command:
    """Raises MalformedLine."""
    return _decode(_COMMANDS, line)


def decode_report(line: bytes) -> Report:
    """Raises MalformedLine."""
    return _decode(_REPORTS, line)


def shown(line: bytes) -> str:
    """The beginning of a line, as text for a report or a log."""
    return line[:_SHOWN_CHARACTERS].decode(errors="replace").rstrip("\n")


_Decoded = TypeVar("_Decoded")


def _decode(adapter: TypeAdapter[_Decoded], line: bytes) -> _Decoded:
    try:
        return adapter.validate_json(line)
    except ValidationError as error:
        raise MalformedLine("; ".join(map(_sentence, error.errors(include_url=False)))) from error


def _sentence(detail: ErrorDetails) -> str:
    field = ".".join(str(part) for part in detail["loc"])
    return f"{field or 'line'}: {detail['msg']} (got {detail['input']!r:.80})"
