"""Who calls, as handlers ask for it."""

import contextvars

import pytest

from poolkit.errors import Forbidden, Unauthenticated
from poolkit.principal import PrincipalKind, current_principal, require_principal, set_current_principal
from tests.poolkit.fakes import ADMIN, POOLER


def test_outside_of_a_call_with_a_key_nobody_calls() -> None:
    with pytest.raises(Unauthenticated):
        contextvars.Context().run(current_principal)


def test_the_kind_is_asked_for() -> None:
    def as_admin() -> None:
        set_current_principal(ADMIN)
        assert current_principal() is ADMIN
        assert require_principal(PrincipalKind.POOLER, PrincipalKind.ADMIN) is ADMIN
        with pytest.raises(Forbidden, match=r"of a pooler or farmer \(got that of a admin\)"):
            require_principal(PrincipalKind.POOLER, PrincipalKind.FARMER)

    contextvars.Context().run(as_admin)


def test_a_principal_belongs_to_its_own_context() -> None:
    contextvars.Context().run(set_current_principal, POOLER)
    with pytest.raises(Unauthenticated):
        contextvars.Context().run(current_principal)
