"""Farmers, poolers, API keys, and the calls already answered."""

import asyncio

import peewee
import pytest

from backend_svc.store import api_keys, farmers, poolers, request_ids
from backend_svc.store.database import Database, OutsideTransactionError, in_transaction
from backend_svc.store.records import FarmerStatus, KeyKind, PoolerStatus
from poolkit.errors import DatabaseUnavailable
from tests.backend_svc.people import some_farmer, some_id, some_pooler

HASH = b"h" * 32


def test_query_functions_refuse_to_run_outside_a_transaction() -> None:
    with pytest.raises(OutsideTransactionError):
        in_transaction()


async def test_what_raises_leaves_nothing_behind(database: Database) -> None:
    def half() -> None:
        some_pooler()
        raise ValueError("on the way")

    with pytest.raises(ValueError, match="on the way"):
        await database.run(half)
    assert await database.run(poolers.list_poolers) == []


async def test_an_unreachable_server_is_a_typed_error_without_its_address() -> None:
    away = Database("postgresql://nobody:secret@127.0.0.1:1/nowhere", pool_size=1)
    with pytest.raises(DatabaseUnavailable) as caught:
        await away.check()
    assert "secret" not in f"{caught.value} {away!r} {away.address}"
    away.close()


def test_records_carry_ids_as_text_and_statuses_as_enums(database: Database) -> None:
    farmer = database.run_here(lambda: some_farmer(some_pooler()))
    found = database.run_here(farmers.find_farmer, farmer.id)
    assert found is not None
    assert (found.id, found.status) == (farmer.id, FarmerStatus.ACTIVE)
    assert isinstance(found.id, str)


@pytest.mark.parametrize("basis_points", [999, 10_001, 0, -1])
def test_a_stake_outside_its_limits_is_refused_by_the_schema(database: Database, basis_points: int) -> None:
    farmer = database.run_here(lambda: some_farmer(some_pooler()))
    with pytest.raises(peewee.IntegrityError, match="stake_basis_points"):
        database.run_here(farmers.set_stake, farmer.id, basis_points)


def test_farmers_are_listed_page_by_page_and_by_filter(database: Database) -> None:
    def five() -> list[str]:
        pooler = some_pooler()
        return sorted(some_farmer(pooler).id for _ in range(5))

    ids = database.run_here(five)
    first = database.run_here(farmers.list_farmers, limit=2)
    rest = database.run_here(farmers.list_farmers, after_id=first[-1].id)
    assert [farmer.id for farmer in first + rest] == ids
    database.run_here(farmers.set_status, ids[0], FarmerStatus.PAUSED)
    paused = database.run_here(farmers.list_farmers, statuses=(FarmerStatus.PAUSED,))
    assert [farmer.id for farmer in paused] == ids[:1]
    assert len(database.run_here(farmers.list_farmers, user_email="Ada@Example.org")) == 5
    assert database.run_here(farmers.list_farmers, user_email="eve@example.org") == []


def test_only_active_farmers_up_to_the_capacity_are_planted(database: Database) -> None:
    def four() -> str:
        pooler = some_pooler()
        ids = [some_farmer(pooler).id for _ in range(4)]
        farmers.set_status(ids[0], FarmerStatus.LEAVING)
        return pooler.id

    pooler_id = database.run_here(four)
    assert len(database.run_here(farmers.active_farmers, pooler_id, 10)) == 3
    assert len(database.run_here(farmers.active_farmers, pooler_id, 2)) == 2
    assert database.run_here(farmers.count_farmers, pooler_id=pooler_id, status=FarmerStatus.ACTIVE) == 3


def test_a_change_of_status_is_stamped(database: Database) -> None:
    farmer = database.run_here(lambda: some_farmer(some_pooler()))
    database.run_here(farmers.set_status, farmer.id, FarmerStatus.PAUSED)
    after = database.run_here(farmers.find_farmer, farmer.id)
    assert after is not None
    assert after.status_changed_at > farmer.status_changed_at


def test_a_pooler_name_is_given_once(database: Database) -> None:
    pooler = database.run_here(some_pooler)
    again = database.run_here(
        poolers.add_pooler, name="North", public_key=None, endpoint="", capacity=1, share_basis_points=0
    )
    assert again is None
    database.run_here(poolers.set_pooler_status, pooler.id, PoolerStatus.DRAINING)
    found = database.run_here(poolers.find_pooler, pooler.id)
    assert found is not None
    assert found.status is PoolerStatus.DRAINING


def test_a_revoked_key_is_no_key(database: Database) -> None:
    assert not database.run_here(api_keys.has_admin_key)
    key = database.run_here(api_keys.add_api_key, KeyKind.ADMIN, HASH, label="first")
    assert database.run_here(api_keys.find_valid_key, HASH) == key
    assert database.run_here(api_keys.has_admin_key)
    assert database.run_here(api_keys.revoke_key, key.id)
    assert not database.run_here(api_keys.revoke_key, key.id)
    assert database.run_here(api_keys.find_valid_key, HASH) is None


def test_a_key_must_have_the_owner_of_its_kind(database: Database) -> None:
    with pytest.raises(peewee.IntegrityError, match="owner_fits_kind"):
        database.run_here(api_keys.add_api_key, KeyKind.POOLER, HASH)


def test_the_same_request_gets_the_same_answer(database: Database) -> None:
    request_id = some_id()
    first = database.run_here(request_ids.claim, "admin", request_id, "CreatePooler", HASH)
    database.run_here(request_ids.store_answer, "admin", request_id, b"answer")
    again = database.run_here(request_ids.claim, "admin", request_id, "CreatePooler", HASH)
    assert (first.answer, again.answer) == (None, b"answer")
    assert database.run_here(request_ids.find_answer, "admin", request_id, "CreatePooler", HASH) == b"answer"
    # Another caller may choose the same id.
    assert database.run_here(request_ids.claim, "other", request_id, "CreatePooler", HASH).answer is None


@pytest.mark.parametrize(("method", "content"), [("CreatePooler", b"x" * 32), ("DrainPooler", HASH)])
def test_the_same_id_with_other_content_is_a_conflict(
    database: Database, method: str, content: bytes
) -> None:
    request_id = some_id()
    database.run_here(request_ids.claim, "admin", request_id, "CreatePooler", HASH)
    with pytest.raises(request_ids.RequestConflictError):
        database.run_here(request_ids.claim, "admin", request_id, method, content)
    with pytest.raises(request_ids.RequestConflictError):
        database.run_here(request_ids.find_answer, "admin", request_id, method, content)


async def test_of_two_equal_requests_at_once_the_second_gets_the_first_ones_answer(
    database: Database,
) -> None:
    request_id = some_id()

    def serve(answer: bytes) -> bytes:
        claim = request_ids.claim("admin", request_id, "CreatePooler", HASH)
        if claim.answer is not None:
            return claim.answer
        request_ids.store_answer("admin", request_id, answer)
        return answer

    one, two = await asyncio.gather(database.run(serve, b"one"), database.run(serve, b"two"))
    assert one == two


async def test_a_request_that_failed_may_be_asked_again(database: Database) -> None:
    request_id = some_id()

    def fail() -> None:
        request_ids.claim("admin", request_id, "CreatePooler", HASH)
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        await database.run(fail)
    assert (await database.run(request_ids.claim, "admin", request_id, "CreatePooler", HASH)).answer is None
