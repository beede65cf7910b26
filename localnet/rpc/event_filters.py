"""The filters of getEvents: which events a client asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stellar_sdk import StrKey, xdr
from xdrlib3 import Error as XdrError

from localnet.ledger.events import Event
from localnet.rpc.jsonrpc import Params
from localnet.rpc.parameters import decode_base64, invalid, optional, optional_texts

MAX_FILTERS = 5
MAX_CONTRACTS = 5
MAX_TOPICS = 5
MAX_SEGMENTS = 4

_ONE = None
_REST = "**"
_KINDS = {"contract": xdr.ContractEventType.CONTRACT, "system": xdr.ContractEventType.SYSTEM}


@dataclass(frozen=True)
class TopicPattern:
    """Topics position by position: encoded SCVals, None for any one; `open_ended` lets more follow."""

    segments: tuple[bytes | None, ...]
    open_ended: bool

    def matches(self, topics: Sequence[bytes]) -> bool:
        if len(topics) < len(self.segments) or (len(topics) > len(self.segments) and not self.open_ended):
            return False
        return all(segment in (_ONE, topic) for segment, topic in zip(self.segments, topics, strict=False))


@dataclass(frozen=True)
class EventFilter:
    """Kind and contract and topics must fit; an empty set of either lets everything through."""

    kinds: frozenset[xdr.ContractEventType]
    contracts: frozenset[bytes]
    patterns: tuple[TopicPattern, ...]

    def matches(self, event: Event) -> bool:
        return (
            (not self.kinds or event.kind in self.kinds)
            and (not self.contracts or event.contract_id in self.contracts)
            and (not self.patterns or any(pattern.matches(event.topics) for pattern in self.patterns))
        )


def read_filters(params: Params) -> tuple[EventFilter, ...]:
    """Decodes the request's filters; an event must match one of them, if there are any."""
    filters: list[Any] = optional(params, "filters", list) or []
    if len(filters) > MAX_FILTERS:
        raise invalid(f"maximum {MAX_FILTERS} filters per request")
    return tuple(_read_filter(given, position) for position, given in enumerate(filters, start=1))


def _read_filter(given: object, position: int) -> EventFilter:
    if not isinstance(given, Mapping):
        raise invalid("invalid parameters", f"filters[{position - 1}] must be a JSON object")
    place = f"filter {position} invalid"
    contracts = optional_texts(given, "contractIds")
    if len(contracts) > MAX_CONTRACTS:
        raise invalid(f"{place}: maximum {MAX_CONTRACTS} contract IDs per filter")
    topics: list[Any] = optional(given, "topics", list) or []
    if len(topics) > MAX_TOPICS:
        raise invalid(f"{place}: maximum {MAX_TOPICS} topics per filter")
    return EventFilter(
        kinds=_read_kinds(optional(given, "type", str) or "", place),
        contracts=frozenset(
            _read_contract(text, f"{place}: contract ID {number} invalid")
            for number, text in enumerate(contracts, start=1)
        ),
        patterns=tuple(
            _read_pattern(pattern, f"{place}: topic {number} invalid")
            for number, pattern in enumerate(topics, start=1)
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


def _read_pattern(given: object, place: str) -> TopicPattern:
    if not isinstance(given, list) or not all(isinstance(segment, str) for segment in given):
        raise invalid("invalid parameters", f"{place}: a topic is a JSON array of strings")
    open_ended = bool(given) and given[-1] == _REST
    segments = given[:-1] if open_ended else given
    if not given or len(segments) > MAX_SEGMENTS:
        raise invalid(f"{place}: topic must have between 1 and {MAX_SEGMENTS} segments")
    return TopicPattern(tuple(_read_segment(segment, place) for segment in segments), open_ended)


def _read_segment(text: str, place: str) -> bytes | None:
    if text == "*":
        return _ONE
    if text == _REST:
        raise invalid(f"{place}: wildcard '**' is only allowed as the last segment")
    try:
        encoded = decode_base64(text)
        xdr.SCVal.from_xdr_bytes(encoded)
    except (ValueError, EOFError, XdrError) as error:
        raise invalid(f"{place}: segment {text!r} is no ScVal", str(error)) from error
    return encoded
