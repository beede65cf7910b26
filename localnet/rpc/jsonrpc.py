"""JSON-RPC 2.0 as stellar-rpc speaks it: requests to methods, errors to codes.

The order of checks and the texts are those of jrpc2, the library that stellar-rpc is built on.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from localnet.rpc.json_text import JsonNumber, UnreadableJson, parse_json
from poolkit.logger import get_logger

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603

_FIELDS: Final = frozenset({"jsonrpc", "id", "method", "params", "error", "result"})
_NO_ID: Final = "null"

log = get_logger(__name__)

Result = Mapping[str, Any]
Method = Callable[[object], Result]
"""Serves decoded JSON parameters, which may be of any type; None where there are none."""


class RpcError(Exception):
    """The answer to a request that cannot be served; `data` is text everywhere but for surplus fields."""

    def __init__(self, code: int, message: str, data: str | list[str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class UnreadableRequest(Exception):
    """The body is no JSON. A node answers this with HTTP status 500 and this text, not with JSON-RPC."""


@dataclass(frozen=True)
class _Request:
    """A sound request; `id` is JSON text as it came, None for a notification."""

    id: str | None
    method: str
    params: object


@dataclass(frozen=True)
class _Refused:
    """A request that is none: it is answered, even without an id."""

    id: str
    error: RpcError


class Dispatcher:
    """Serves request bodies, single or in a batch, with the methods it has."""

    def __init__(self, methods: Mapping[str, Method]) -> None:
        self._methods = methods

    def serve(self, body: bytes) -> bytes | None:
        """The encoded answer; None if there is nothing to answer. Raises UnreadableRequest."""
        try:
            decoded = parse_json(body)
        except UnreadableJson as error:
            raise UnreadableRequest(f"[{PARSE_ERROR}] invalid request value") from error
        if not isinstance(decoded, list):
            answer = self._answer(_read_request(decoded))
            return None if answer is None else answer.encode("ascii")
        requests = [_read_request(request) for request in decoded]
        # What is no request is answered first.
        requests.sort(key=lambda request: isinstance(request, _Request))
        answers = [answer for request in requests if (answer := self._answer(request)) is not None]
        return f"[{','.join(answers)}]".encode("ascii") if answers else None

    def _answer(self, request: _Request | _Refused) -> str | None:
        if isinstance(request, _Refused):
            return _failure(request.id, request.error)
        try:
            answer = f'{{"jsonrpc":"2.0","id":{request.id},"result":{_encode(self._call(request))}}}'
        except RpcError as error:
            answer = _failure(request.id or _NO_ID, error)
        return None if request.id is None else answer

    def _call(self, request: _Request) -> Result:
        if not request.method:
            raise RpcError(INVALID_REQUEST, "empty method name")
        method = self._methods.get(request.method)
        if method is None:
            raise RpcError(METHOD_NOT_FOUND, "method not found", request.method)
        try:
            return method(request.params)
        except RpcError:
            raise
        except Exception as error:  # the edge: whatever went wrong, the client gets JSON
            log.error("method failed", method=request.method, exc_info=error)
            raise RpcError(INTERNAL_ERROR, "internal error") from error


def _read_request(decoded: object) -> _Request | _Refused:
    """Checks what every request must be."""
    if decoded is None:
        decoded = {}
    if not isinstance(decoded, dict):
        return _Refused(_NO_ID, RpcError(PARSE_ERROR, "request is not a JSON object"))
    request_id = decoded.get("id")
    sound_id = request_id is None or isinstance(request_id, (str, JsonNumber))
    id_text = _encode_id(request_id) if sound_id else _NO_ID
    fault = _fault(decoded, sound_id=sound_id)
    if fault is not None:
        return _Refused(id_text, fault)
    notifies = request_id is None
    return _Request(None if notifies else id_text, decoded.get("method") or "", decoded.get("params"))


def _fault(request: Mapping[str, Any], *, sound_id: bool) -> RpcError | None:
    version, name, params, error = map(request.get, ("jsonrpc", "method", "params", "error"))
    if version is not None and not isinstance(version, str):
        return RpcError(PARSE_ERROR, "invalid version key")
    if not sound_id:
        return RpcError(INVALID_REQUEST, "invalid request ID")
    if name is not None and not isinstance(name, str):
        return RpcError(PARSE_ERROR, "invalid method name")
    if params is not None and not isinstance(params, (dict, list)):
        return RpcError(INVALID_REQUEST, "parameters must be array or object")
    if error is not None and not isinstance(error, dict):
        return RpcError(PARSE_ERROR, "invalid error value")
    if version != "2.0":
        return RpcError(INVALID_REQUEST, "invalid version marker")
    if name and (error is not None or "result" in request):
        return RpcError(INVALID_REQUEST, "mixed request and reply fields")
    surplus = [field for field in request if field not in _FIELDS]
    if surplus:
        return RpcError(INVALID_REQUEST, "extra fields in request", surplus)
    return None


def _encode_id(request_id: str | JsonNumber | None) -> str:
    return request_id.text if isinstance(request_id, JsonNumber) else _encode(request_id)


def _failure(id_text: str, error: RpcError) -> str:
    described: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        described["data"] = error.data
    return f'{{"jsonrpc":"2.0","id":{id_text},"error":{_encode(described)}}}'


_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
