"""The two ways in which `kalepool hash` is asked, checked. Pure; no library that takes long to import."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from miner_ext import MAX_THREADS
from miner_ext.scheduling import usable_cpus

WORDS: Final = "BLOCK HASH_BASE64 NONCE DIFFICULTY ADDRESS"
_RANGE_OPTIONS: Final = (
    "--farmer-hex",
    "--index",
    "--entropy-hex",
    "--nonce-count",
    "--nonce-from",
    "--threads",
)
_RANGE_REQUIRED: Final = _RANGE_OPTIONS[:4]
# The last three are kale-miner's, of use to a GPU or to a reader; only a wrong number matters here.
_DIFFICULTY_OPTIONS: Final = ("--max-threads", "--batch-size", "--device", "--platform", "--verbose")
_INDICES: Final = 2**32
_NONCES: Final = 2**64
_MOST_NONCES: Final = _NONCES - 1  # that a search takes
_MOST_ZEROS: Final = 64
_MOST_DEVICE: Final = 2**31 - 1
_SHOWN_CHARACTERS: Final = 80
_NUMBER: Final = re.compile(r"-?[0-9]{1,40}")
_HEX: Final = re.compile(r"[0-9A-Fa-f]{64}")
# A G address (SEP-23) is base32 of its kind, the key, and a CRC-16 of both, which comes low byte first.
_ADDRESS: Final = re.compile(r"G[A-Z2-7]{55}")
_ACCOUNT_KIND: Final = 6 << 3
_CHECKSUM_BYTES: Final = 2

Options = Mapping[str, str | None]


class WrongArgument(ValueError):
    """One sentence with the argument, its limit and the value."""


@dataclass(frozen=True)
class RangeRequest:
    """The best nonce of a range."""

    index: int
    entropy: bytes
    farmer_key: bytes
    nonce_from: int
    nonce_count: int
    threads: int


@dataclass(frozen=True)
class DifficultyRequest:
    """The first nonce from nonce_from on with at least so many zeros."""

    index: int
    entropy: bytes
    farmer_key: bytes
    nonce_from: int
    zeros: int
    threads: int


def parse_request(words: Sequence[str], options: Options) -> RangeRequest | DifficultyRequest:
    """options: all of either way by name, None where not given. Raises WrongArgument."""
    given = [name for name, value in options.items() if value is not None]
    for word in words:
        if word.startswith("-") and not _NUMBER.fullmatch(word):
            raise WrongArgument(f"{word[:_SHOWN_CHARACTERS]} must be one of {', '.join(options)}")
    ours, others = (_DIFFICULTY_OPTIONS, _RANGE_OPTIONS) if words else (_RANGE_OPTIONS, _DIFFICULTY_OPTIONS)
    mixed = [name for name in given if name in others]
    if mixed and (words or any(name in ours for name in given)):
        kept = WORDS if words else ", ".join(name for name in given if name in ours)
        raise WrongArgument(f"{mixed[0]} must not be given with {kept}: they are two ways to ask")
    return _difficulty_request(words, options) if words or mixed else _range_request(options)


def _range_request(options: Options) -> RangeRequest:
    missing = [name for name in _RANGE_REQUIRED if options[name] is None]
    if missing:
        raise WrongArgument(f"{', '.join(missing)} or else {WORDS} must be given")
    nonce_from = _number("--nonce-from", options["--nonce-from"] or "0", 0, _NONCES - 1)
    return RangeRequest(
        index=_number("--index", options["--index"], 0, _INDICES - 1),
        entropy=_hex("--entropy-hex", options["--entropy-hex"]),
        farmer_key=_hex("--farmer-hex", options["--farmer-hex"]),
        nonce_from=nonce_from,
        nonce_count=_number(
            "--nonce-count", options["--nonce-count"], 1, min(_NONCES - nonce_from, _MOST_NONCES)
        ),
        threads=_threads("--threads", options["--threads"]),
    )


def _difficulty_request(words: Sequence[str], options: Options) -> DifficultyRequest:
    names = WORDS.split()
    if len(words) != len(names):
        raise WrongArgument(f"{WORDS} must be {len(names)} words, got {len(words)}")
    block, entropy, nonce_from, zeros, address = words
    for name, least, most in (
        ("--batch-size", 1, _MOST_NONCES),
        ("--device", 0, _MOST_DEVICE),
        ("--platform", 0, _MOST_DEVICE),
    ):
        if options[name] is not None:
            _number(name, options[name], least, most)
    return DifficultyRequest(
        index=_number("BLOCK", block, 0, _INDICES - 1),
        entropy=_base64(entropy),
        farmer_key=_account_key(address),
        nonce_from=_number("NONCE", nonce_from, 0, _NONCES - 1),
        zeros=_number("DIFFICULTY", zeros, 0, _MOST_ZEROS),
        threads=_threads("--max-threads", options["--max-threads"]),
    )


def _number(name: str, text: str | None, least: int, most: int) -> int:
    if text is None or not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
        raise WrongArgument(f"{name} must be a whole number from {least} to {most}, got {_shown(text)}")
    return int(text)


def _threads(name: str, text: str | None) -> int:
    if text is None:
        return min(len(usable_cpus()), MAX_THREADS)
    return _number(name, text, 1, MAX_THREADS)


def _hex(name: str, text: str | None) -> bytes:
    if text is None or not _HEX.fullmatch(text):
        raise WrongArgument(f"{name} must be 64 hex digits, got {len(text or '')} characters: {_shown(text)}")
    return bytes.fromhex(text)


def _base64(text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise WrongArgument(f"HASH_BASE64 must be base64 ({error}), got {_shown(text)}") from None
    if len(decoded) != 32:
        raise WrongArgument(f"HASH_BASE64 must be 32 bytes, got {len(decoded)}: {_shown(text)}")
    return decoded


def _account_key(address: str) -> bytes:
    """The ed25519 key of a G address. stellar_sdk knows it too, but its import takes half a second."""
    if _ADDRESS.fullmatch(address):
        decoded = base64.b32decode(address)
        content, checksum = decoded[:-_CHECKSUM_BYTES], decoded[-_CHECKSUM_BYTES:]
        sound = int.from_bytes(checksum, "little") == binascii.crc_hqx(content, 0)
        if sound and content[0] == _ACCOUNT_KIND:
            return content[1:]
    raise WrongArgument(
        f"ADDRESS must be a G address, 56 characters with a checksum, "
        f"got {len(address)} characters: {_shown(address)}"
    )


def _shown(text: str | None) -> str:
    return repr((text or "")[:_SHOWN_CHARACTERS])
