"""Who calls: the identity behind an API key, as handlers see it."""

import enum
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Protocol

from poolkit.errors import FieldViolation, Forbidden, Unauthenticated

AUTHORIZATION: Final = "authorization"


class PrincipalKind(enum.Enum):
    """What an API key was made for."""

    ADMIN = "admin"
    POOLER = "pooler"
    FARMER = "farmer"


@dataclass(frozen=True)
class Principal:
    """Whoever an API key stands for; `id` is the pooler's, farmer's or key's UUID."""

    kind: PrincipalKind
    id: str


class ApiKeyVerifier(Protocol):
    """Knows the valid API keys; owned by the service."""

    async def verify(self, key: str) -> Principal:
        """The key's owner. Raises Unauthenticated for an unknown or revoked key."""
        ...


_current: ContextVar[Principal | None] = ContextVar("principal", default=None)


def set_current_principal(principal: Principal | None) -> None:
    """Called once a call, by the interceptor; each call runs in a context of its own."""
    _current.set(principal)


def current_principal() -> Principal:
    """Who makes the call being handled. Raises Unauthenticated in a method that is open to all."""
    principal = _current.get()
    if principal is None:
        raise no_valid_key("this call needs an API key: send metadata 'authorization: Bearer KEY'")
    return principal


def require_principal(*kinds: PrincipalKind) -> Principal:
    """Who makes the call, if of one of these kinds; else raises Forbidden (or Unauthenticated)."""
    principal = current_principal()
    if principal.kind not in kinds:
        allowed = " or ".join(kind.value for kind in kinds)
        text = f"this call needs the API key of a {allowed} (got that of a {principal.kind.value})"
        raise Forbidden(text, field_violations=[FieldViolation(AUTHORIZATION, text)])
    return principal


def no_valid_key(text: str) -> Unauthenticated:
    """The refusal of a call whose key is missing, malformed or not valid; names where the key travels."""
    return Unauthenticated(text, field_violations=[FieldViolation(AUTHORIZATION, text)])
