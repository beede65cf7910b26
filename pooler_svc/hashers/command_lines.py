"""The two command lines by which KALE's hash programs are run, and what they print. Pure text.

Range style, that of kale-farmer:
    PROGRAM --farmer-hex HEX --index N --entropy-hex HEX --nonce-count N
    prints `["NONCE", "HASH"]` (NONCE may be a number too) as its last line and ends.
Difficulty style, that of kale-miner:
    PROGRAM BLOCK HASH_BASE64 NONCE DIFFICULTY ADDRESS
    prints a JSON object with `hash` and `nonce`, after whatever it tells before, and ends.

The address only stands for the key: the puzzle has the last 32 bytes of the address's XDR, so the G address
of a job's farmer_key gives the same hashes, whatever the farmer's own address is.
"""

import base64
import json
import re
import shlex
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from kale.addresses import account_text
from pooler_svc.hashers.failures import HasherCrashed
from pooler_svc.hashers.port import HashJob

PLACE_OF_ARGUMENTS: Final = "{}"
_NONCES: Final = 2**64
_SHOWN_BYTES: Final = 200
_RANGE_ANSWER: Final = re.compile(r'\s*\[\s*("?)([0-9]{1,20})\1\s*,\s*"([0-9A-Fa-f]{64})"\s*\]\s*')
# Flat and short, as an answer is: what a program floods us with can't make the search for it slow.
_FLAT_OBJECT: Final = re.compile(r"\{[^{}]{1,500}\}")
_NONCE: Final = re.compile(r"[0-9]{1,20}")
_HASH: Final = re.compile(r"[0-9A-Fa-f]{64}")


class CommandStyle(StrEnum):
    """Which of the two command lines a program speaks."""

    RANGE = "range"
    DIFFICULTY = "difficulty"


class Answer(NamedTuple):
    """What a program claims; not verified."""

    nonce: int
    hash: bytes


def split_command(text: str) -> tuple[str, ...]:
    """The words of a command, quoted as for a shell. Raises ValueError.

    One word may be `{}`: there go a run's arguments, which without it come last.
    """
    words = tuple(shlex.split(text))
    if not words or words[0] == PLACE_OF_ARGUMENTS:
        raise ValueError("must begin with a program")
    if words.count(PLACE_OF_ARGUMENTS) > 1:
        raise ValueError(
            f"must have {PLACE_OF_ARGUMENTS} at most once, got {words.count(PLACE_OF_ARGUMENTS)} of them"
        )
    return words


def with_arguments(command: Sequence[str], arguments: Sequence[str]) -> tuple[str, ...]:
    """The command with a run's arguments in their place."""
    if PLACE_OF_ARGUMENTS not in command:
        return (*command, *arguments)
    place = command.index(PLACE_OF_ARGUMENTS)
    return (*command[:place], *arguments, *command[place + 1 :])


def range_arguments(job: HashJob, nonce_count: int) -> tuple[str, ...]:
    return (
        *("--farmer-hex", job.farmer_key.hex()),
        *("--index", str(job.block_index)),
        *("--entropy-hex", job.entropy.hex()),
        *("--nonce-count", str(nonce_count)),
    )


def difficulty_arguments(job: HashJob, nonce_from: int, zeros: int) -> tuple[str, ...]:
    entropy = base64.b64encode(job.entropy).decode()
    return (str(job.block_index), entropy, str(nonce_from), str(zeros), account_text(job.farmer_key))


def parse_range_answer(output: bytes) -> Answer:
    """The answer in the last line. Raises HasherCrashed."""
    lines = _text(output).splitlines()
    found = _RANGE_ANSWER.fullmatch(lines[-1]) if lines else None
    if found is None:
        raise _no_answer('[nonce, "hash"] as its last line', output)
    return _checked(int(found[2]), found[3])


def parse_difficulty_answer(output: bytes) -> Answer:
    """The answer in the last JSON object that has one. Raises HasherCrashed."""
    for found in reversed(list(_FLAT_OBJECT.finditer(_text(output)))):
        try:
            fields = json.loads(found.group())
        except (ValueError, RecursionError):
            continue
        nonce, digest = str(fields.get("nonce")), str(fields.get("hash"))
        if _NONCE.fullmatch(nonce) and _HASH.fullmatch(digest):
            return _checked(int(nonce), digest)
    raise _no_answer("a JSON object with hash and nonce", output)


def shown_end(output: bytes) -> str:
    """The end of what a program printed, for an error's text."""
    return repr(output[-_SHOWN_BYTES:].decode(errors="replace").rstrip())


def _text(output: bytes) -> str:
    return output.decode(errors="replace").rstrip()


def _checked(nonce: int, digest: str) -> Answer:
    if nonce >= _NONCES:
        raise HasherCrashed(f"the external hasher's nonce must be from 0 to {_NONCES - 1}, got {nonce}")
    return Answer(nonce, bytes.fromhex(digest))


def _no_answer(wanted: str, output: bytes) -> HasherCrashed:
    return HasherCrashed(
        f"the external hasher must print {wanted}, got {len(output)} bytes, which end {shown_end(output)}"
    )
