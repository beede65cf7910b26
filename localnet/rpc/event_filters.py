"""The filters of getEvents: which events a client asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stellar_sdk import StrKey, xdr
from xdrlib3 import Error as XdrError

from localnet.ledger.events import Event
from localnet.rpc.parameters import (
    TEXT,
    TEXTS,
    Many,
    Params,
    Parsed,
    Structure,
    decode_base64,
    invalid,
    invalid_value,
)

MAX_FILTERS: Final = 5
MAX_CONTRACTS: Final = 5
MAX_TOPICS: Final = 5
MAX_SEGMENTS: Final = 4

_ONE: Final = "*"
_REST: Final = "**"
_KINDS: Final = {"contract": xdr.ContractEventType.CONTRACT, "system": xdr.ContractEventType.SYSTEM}

Segment = str | bytes
"""One place of a topic pattern: a wildcard, or an encoded SCVal."""


@dataclass(frozen=True)
class TopicPattern:
    """Topics position by position: encoded SCVals, None for any one; `open_ended` lets more follow."""

    segments: tuple[bytes | None, ...]
    open_ended: bool

    def matches(self, topics: Sequence[bytes]) -> bool:
        if len(topics) < len(self.segments) or (len(topics) > len(self.segments) and not self.open_ended):
            return False
        for segment, topic in zip(self.segments, topics, strict=False):
            if segment is not None and segment != topic:
                return False
        return True


@dataclass(frozen=True)
class EventFilter:
    """Kind and contract and topics must fit; an empty set of either lets everything through."""

    kinds: frozenset[xdr.ContractEventType]
    contracts: frozenset[bytes]
    patterns: tuple[TopicPattern, ...]

    def matches(self, event: Event) -> bool:
        # In the order of what most often tells events apart: a search looks at every event of its ledgers.
        if self.contracts and event.contract_id not in self.contracts:
            return False
        if self.patterns and not any(pattern.matches(event.topics) for pattern in self.patterns):
            return False
        return not self.kinds or event.kind in self.kinds


def parse_segment(text: str) -> Segment:
    """Decodes a place of a topic. Raises RpcError for what is neither a wildcard nor a value."""
    if text in (_ONE, _REST):
        return text
    try:
        encoded = decode_base64(text)
        xdr.SCVal.from_xdr_bytes(encoded)
    except (ValueError, EOFError, XdrError, RecursionError) as error:
        raise invalid_value(f"decoding ScVal: {str(error) or 'EOF'}") from error
    return encoded


_TOPIC: Final = Many(Parsed(parse_segment), "protocol.TopicFilter")
FILTER: Final = Structure(
    "EventFilter",
    {"type": TEXT, "contractIds": TEXTS, "topics": Many(_TOPIC, "[]protocol.TopicFilter")},
)


def read_filters(filters: Sequence[Params]) -> tuple[EventFilter, ...]:
    """Checks the request's filters; an event must match one of them, if there are any."""
    if len(filters) > MAX_FILTERS:
        raise invalid(f"maximum {MAX_FILTERS} filters per request")
    return tuple(
        _read_filter(given, f"filter {position} invalid") for position, given in enumerate(filters, start=1)
    )


def _read_filter(given: Params, place: str) -> EventFilter:
    kinds = _read_kinds(given.get("type", ""), place)
    contracts: list[str] = given.get("contractIds", [])
    if len(contracts) > MAX_CONTRACTS:
        raise invalid(f"{place}: maximum {MAX_CONTRACTS} contract IDs per filter")
    topics: list[list[Segment]] = given.get("topics", [])
    if len(topics) > MAX_TOPICS:
        raise invalid(f"{place}: maximum {MAX_TOPICS} topics per filter")
    return EventFilter(
        kinds=kinds,
        contracts=frozenset(
            _read_contract(text, f"{place}: contract ID {number} invalid")
            for number, text in enumerate(contracts, start=1)
        ),
        patterns=tuple(
            _read_pattern(topic, f"{place}: topic {number} invalid")
            for number, topic in enumerate(topics, start=1)
        ),
    )


def _read_kinds(text: str, place: str) -> frozenset[xdr.ContractEventType]:
    if not text:
        return frozenset()
    names = text.split(",")
    if any(name not in _KINDS for name in names):
        raise invalid(f"{place}: filter type invalid: if set, type must be either 'system' or 'contract'")
    return frozenset(_KINDS[name] for name in names)


def _read_contract(text: str, place: str) -> bytes:
    if not StrKey.is_valid_contract(text):
        raise invalid(place)
    return StrKey.decode_contract(text)


def _read_pattern(topic: list[Segment], place: str) -> TopicPattern:
    if not topic:
        raise invalid(f"{place}: topic must have at least 1 segment")
    open_ended = topic[-1] == _REST
    segments = topic[:-1] if open_ended else topic
    if _REST in segments:
        number = segments.index(_REST) + 1
        raise invalid(f"{place}: segment {number} invalid: wildcard '**' is only allowed as the last segment")
    if len(segments) > MAX_SEGMENTS:
        raise invalid(f"{place}: topic cannot have more than {MAX_SEGMENTS} segments")
    fixed = tuple(segment if isinstance(segment, bytes) else None for segment in segments)
    return TopicPattern(fixed, open_ended)
