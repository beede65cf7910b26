from typing import Any

import pytest

from backend_svc.api_keys import api_key_hash
from backend_svc.store import api_keys
from kalepool.v1 import admin_pb2
from kalepool.v1.admin_pb2_grpc import AdminServiceStub
from poolkit.errors import AlreadyExists, Forbidden, InvalidField, NotFound
from tests.backend_svc.playground import PAYOUT_WALLET, Playground, new_id


def new_pooler(**changes: Any) -> admin_pb2.CreatePoolerRequest:
    return admin_pb2.CreatePoolerRequest(**{"request_id": new_id(), "name": "south", **changes})


async def test_a_pooler_is_made_with_a_key_of_which_only_the_hash_is_kept(ground: Playground) -> None:
    created = await AdminServiceStub(ground.admin).CreatePooler(
        new_pooler(public_key=PAYOUT_WALLET, share_basis_points=500, endpoint="pool:3001", capacity=7)
    )
    pooler = created.pooler
    assert (pooler.name, pooler.share_basis_points, pooler.capacity) == ("south", 500, 7)
    assert pooler.status == admin_pb2.POOLER_STATUS_ACTIVE
    found = await ground.backend.database.run(api_keys.find_valid_key, api_key_hash(created.api_key))
    assert found is not None
    assert found.pooler_id == pooler.id
    kept = "SELECT count(*) FROM api_keys WHERE encode(key_hash, 'escape') LIKE %s"
    assert await ground.count(kept, f"%{created.api_key}%") == 0


async def test_the_capacity_is_that_of_the_settings_unless_told(ground: Playground) -> None:
    created = await AdminServiceStub(ground.admin).CreatePooler(new_pooler())
    assert created.pooler.capacity == 100


async def test_the_key_is_shown_once(ground: Playground) -> None:
    stub, request = AdminServiceStub(ground.admin), new_pooler()
    first, again = await stub.CreatePooler(request), await stub.CreatePooler(request)
    assert first.api_key
    assert again.api_key == ""
    assert again.pooler == first.pooler


async def test_a_name_is_unique(ground: Playground) -> None:
    stub = AdminServiceStub(ground.admin)
    await stub.CreatePooler(new_pooler())
    with pytest.raises(AlreadyExists, match="south"):
        await stub.CreatePooler(new_pooler())


@pytest.mark.parametrize(
    ("changes", "field", "limit"),
    [
        ({"name": ""}, "name", "1 to 64 characters"),
        ({"name": "two words"}, "name", "1 to 64 characters"),
        ({"name": "n" * 65}, "name", "1 to 64 characters"),
        ({"share_basis_points": 10_001, "public_key": PAYOUT_WALLET}, "share_basis_points", "to 10,000"),
        ({"share_basis_points": 1}, "public_key", "must be a Stellar account address"),
        ({"public_key": "GABC"}, "public_key", "must be a Stellar account address"),
        ({"capacity": 0}, "capacity", "from 1 to 1,000"),
        ({"capacity": 1_001}, "capacity", "from 1 to 1,000"),
        ({"endpoint": "e" * 256}, "endpoint", "from 0 to 255"),
        ({"request_id": ""}, "request_id", "must be a UUID"),
    ],
)
async def test_a_bad_field_is_refused_with_its_limit_and_leaves_nothing(
    ground: Playground, changes: dict[str, Any], field: str, limit: str
) -> None:
    with pytest.raises(InvalidField) as refusal:
        await AdminServiceStub(ground.admin).CreatePooler(new_pooler(**changes))
    (violation,) = refusal.value.field_violations
    assert violation.field == field
    assert limit in violation.description
    assert await ground.count("SELECT count(*) FROM poolers") == 1


async def test_poolers_are_listed_in_pages_with_their_farmers(ground: Playground) -> None:
    stub = AdminServiceStub(ground.admin)
    await ground.register()
    await stub.CreatePooler(new_pooler())
    first = await stub.ListPoolers(admin_pb2.ListPoolersRequest(page_size=1))
    rest = await stub.ListPoolers(admin_pb2.ListPoolersRequest(page_size=1, page_token=first.next_page_token))
    assert [(pooler.name, pooler.farmers) for pooler in first.poolers] == [("north", 1)]
    assert [(pooler.name, pooler.farmers) for pooler in rest.poolers] == [("south", 0)]
    assert rest.next_page_token == ""
    draining = admin_pb2.ListPoolersRequest(status=admin_pb2.POOLER_STATUS_DRAINING)
    assert not (await stub.ListPoolers(draining)).poolers


async def test_only_admins_administer(ground: Playground) -> None:
    stub = AdminServiceStub(ground.pooler)
    with pytest.raises(Forbidden, match="admin"):
        await stub.CreatePooler(new_pooler())
    with pytest.raises(Forbidden):
        await stub.ListPoolers(admin_pb2.ListPoolersRequest())
    with pytest.raises(Forbidden):
        await anext(aiter(stub.Reconcile(admin_pb2.ReconcileRequest())))


async def test_one_stroop_too_much_on_the_chain_is_found_and_named(ground: Playground) -> None:
    farmer, other = await ground.add_farmer(), await ground.add_farmer()
    _, summary = await ground.reconcile()
    assert summary.reconciled
    ground.node.add_to_kale_balance(farmer.public_key, 1)
    (finding,), summary = await ground.reconcile()
    assert not summary.reconciled
    assert finding.farmer_id == farmer.id
    assert finding.kind == admin_pb2.RECONCILE_FINDING_KIND_BALANCE
    assert finding.difference_stroops == 1
    assert int(finding.on_chain) == int(finding.recorded) + 1
    assert (summary.farmers, summary.findings, summary.unexplained) == (2, 1, 1)
    stub = AdminServiceStub(ground.admin)
    only = [each async for each in stub.Reconcile(admin_pb2.ReconcileRequest(farmer_id=other.id))]
    assert only[-1].summary.reconciled
    assert only[-1].summary.farmers == 1


async def test_an_unknown_farmer_can_not_be_reconciled(ground: Playground) -> None:
    stub = AdminServiceStub(ground.admin)
    with pytest.raises(NotFound):
        await anext(aiter(stub.Reconcile(admin_pb2.ReconcileRequest(farmer_id=new_id()))))
    with pytest.raises(InvalidField, match="farmer_id"):
        await anext(aiter(stub.Reconcile(admin_pb2.ReconcileRequest(farmer_id="x"))))
