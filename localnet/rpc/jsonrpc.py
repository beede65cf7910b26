"""JSON-RPC 2.0 as stellar-rpc speaks it: requests to methods, errors to codes."""

import json
from collections.abc import Callable, Mapping
from typing import Any

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603

Params = Mapping[str, Any]
"""A request's parameters by name; a null counts as absent and is left out."""

Result = Mapping[str, Any]
Method = Callable[[Params], Result]

_UNKNOWN_ID = None


class RpcError(Exception):
    """The answer to a request that cannot be served; `data` is always text, as clients demand."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class Dispatcher:
    """Serves request bodies, single or in a batch, with the methods it has."""

    def __init__(self, methods: Mapping[str, Method]) -> None:
        self._methods = methods

    def serve(self, body: bytes) -> bytes | None:
        """The encoded answer; None if there is nothing to answer (notifications only)."""
        try:
            decoded = json.loads(body)
        except (ValueError, RecursionError):
            return _encode(_failure(_UNKNOWN_ID, RpcError(PARSE_ERROR, "Parse error")))
        if isinstance(decoded, list):
            return self._serve_batch(decoded)
        answer = self._answer(decoded)
        return None if answer is None else _encode(answer)

    def _serve_batch(self, requests: list[Any]) -> bytes | None:
        if not requests:
            return _encode(_failure(_UNKNOWN_ID, RpcError(INVALID_REQUEST, "empty request batch")))
        answers = [answer for request in requests if (answer := self._answer(request)) is not None]
        return _encode(answers) if answers else None

    def _answer(self, request: object) -> Mapping[str, Any] | None:
        if not isinstance(request, dict) or request.get("jsonrpc") != "2.0":
            return _failure(_UNKNOWN_ID, RpcError(INVALID_REQUEST, "invalid request"))
        request_id = request.get("id")
        try:
            result = self._call(request)
        except RpcError as error:
            return None if request_id is None else _failure(request_id, error)
        if request_id is None:
            return None
        return {"jsonrpc": "2.0", "id": request_id, "result": result}

    def _call(self, request: Mapping[str, Any]) -> Result:
        name = request.get("method")
        if not isinstance(name, str) or not isinstance(request.get("id"), (str, int, float, type(None))):
            raise RpcError(INVALID_REQUEST, "invalid request")
        method = self._methods.get(name)
        if method is None:
            raise RpcError(METHOD_NOT_FOUND, "method not found", name)
        params = request.get("params")
        if params is not None and not isinstance(params, dict):
            raise RpcError(INVALID_PARAMS, "invalid parameters", "parameters must be an object")
        return method({name: value for name, value in (params or {}).items() if value is not None})


def _failure(request_id: object, error: RpcError) -> Mapping[str, Any]:
    described: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        described["data"] = error.data
    return {"jsonrpc": "2.0", "id": request_id, "error": described}


def _encode(answer: object) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode("ascii")
