"""Unary calls with a request_id: the same id with the same content gets the same answer.

What a call does and the answer that it gave are one COMMIT, so a client whose
connection broke may ask again without harm.
"""

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.message import Message

from backend_svc.store import request_ids
from backend_svc.store.database import Database
from poolkit.errors import FieldViolation, RequestIdConflict
from poolkit.principal import Principal

Answer = TypeVar("Answer", bound=Message)


def content_hash(message: Message, *identity_fields: str) -> bytes:
    """SHA-256 over a message without the fields that only identify it."""
    content = type(message)()
    content.CopyFrom(message)
    for field in identity_fields:
        content.ClearField(field)
    return hashlib.sha256(content.SerializeToString(deterministic=True)).digest()


def conflict(field: str, request_id: str) -> RequestIdConflict:
    """The refusal of an id that was used before for something else."""
    text = f"was used before with other content (got {request_id!r})"
    return RequestIdConflict(f"{field} {text}", field_violations=[FieldViolation(field, text)])


class AnswerOnce:
    """Gives each request its one answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def answer(
        self,
        caller: Principal,
        request: Any,
        answer_type: type[Answer],
        do: Callable[[], Answer],
        *,
        remembered: Callable[[Answer], Answer] = lambda answer: answer,
    ) -> Answer:
        """Do it and keep the answer in one transaction, or give the answer kept.

        `do` runs inside Database.run; if it raises, nothing is kept. What
        `remembered` leaves out of the answer is not kept either: secrets.
        Raises RequestIdConflict.
        """

        def once() -> Answer:
            name, claim = _claim(caller, request)
            if claim.answer is not None:
                return answer_type.FromString(claim.answer)
            answer = do()
            request_ids.store_answer(name, request.request_id, remembered(answer).SerializeToString())
            return answer

        return await self._database.run(once)

    async def find(self, caller: Principal, request: Any, answer_type: type[Answer]) -> Answer | None:
        """The answer already given: for calls that act on the chain before they can be answered.

        Raises RequestIdConflict.
        """

        def find() -> Answer | None:
            try:
                kept = request_ids.find_answer(
                    _caller_name(caller), request.request_id, _method(request), _hash(request)
                )
            except request_ids.RequestConflictError as error:
                raise conflict("request_id", request.request_id) from error
            return None if kept is None else answer_type.FromString(kept)

        return await self._database.run(find)


def _claim(caller: Principal, request: Any) -> tuple[str, request_ids.Claim]:
    name = _caller_name(caller)
    try:
        return name, request_ids.claim(name, request.request_id, _method(request), _hash(request))
    except request_ids.RequestConflictError as error:
        raise conflict("request_id", request.request_id) from error


def _caller_name(caller: Principal) -> str:
    return f"{caller.kind.value}/{caller.id}"


def _method(request: Message) -> str:
    return request.DESCRIPTOR.name


def _hash(request: Message) -> bytes:
    return content_hash(request, "request_id")
