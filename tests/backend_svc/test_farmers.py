import asyncio
from typing import Any

import pytest
from stellar_sdk import Keypair

from backend_svc.api_keys import api_key_hash
from backend_svc.store import api_keys, farmers
from backend_svc.store.records import FarmerStatus, KeyKind
from kalepool.v1 import farmer_pb2, types_pb2
from kalepool.v1.admin_pb2 import CreatePoolerRequest
from kalepool.v1.admin_pb2_grpc import AdminServiceStub
from kalepool.v1.errors_pb2 import Reason
from kalepool.v1.farmer_pb2_grpc import FarmerServiceStub
from poolkit.errors import (
    CapacityExceeded,
    Forbidden,
    InvalidField,
    NotFound,
    PoolError,
    RequestIdConflict,
    Unsupported,
    WrongStatus,
)
from poolkit.grpc_client import open_channel
from tests.backend_svc.playground import PAYOUT_WALLET, Playground, new_id

NO_FARMERS = "SELECT count(*) FROM farmers"
SECRET_SEED = Keypair.from_raw_ed25519_seed(bytes(32)).secret
CONTRACT = "CDL74RF5BLYR2YBLCCI7F5FB6TPSCLKEJUBSD2RSVWZ4YHF3VMFAIGWA"


def registration(**changes: Any) -> farmer_pb2.RegisterFarmerRequest:
    known: dict[str, Any] = {
        "request_id": new_id(),
        "user_email": "ada@example.org",
        "payout_wallet": PAYOUT_WALLET,
    }
    return farmer_pb2.RegisterFarmerRequest(**{**known, **changes})


async def test_a_farmer_is_registered_with_a_key_of_its_own_and_what_to_send_where(
    ground: Playground,
) -> None:
    stub = FarmerServiceStub(ground.admin)
    farmer = (await stub.RegisterFarmer(registration(stake_basis_points=2_500))).farmer
    assert farmer.status == types_pb2.FARMER_STATUS_REGISTERED
    assert farmer.custody_mode == types_pb2.CUSTODY_MODE_CUSTODIAL
    assert (farmer.stake_basis_points, farmer.harvest_after_blocks) == (2_500, 1)
    assert farmer.pooler_id == ground.pooler_id
    assert {each.address for each in farmer.funding_needed} == {farmer.public_key}
    assert sum(each.amount_stroops for each in farmer.funding_needed) == 25_000_000
    sealed = await ground.backend.database.run(farmers.find_sealed_key, farmer.id)
    assert sealed is not None


async def test_absent_options_have_their_defaults(ground: Playground) -> None:
    farmer = (await FarmerServiceStub(ground.admin).RegisterFarmer(registration())).farmer
    assert (farmer.stake_basis_points, farmer.harvest_after_blocks) == (10_000, 1)


@pytest.mark.parametrize("wallet", [PAYOUT_WALLET, CONTRACT])
async def test_accounts_and_contracts_are_payout_wallets(ground: Playground, wallet: str) -> None:
    farmer = (await FarmerServiceStub(ground.admin).RegisterFarmer(registration(payout_wallet=wallet))).farmer
    assert farmer.payout_wallet == wallet


@pytest.mark.parametrize(
    ("changes", "field", "limit"),
    [
        ({"payout_wallet": ""}, "payout_wallet", "must be a Stellar address"),
        ({"payout_wallet": PAYOUT_WALLET[:-1] + "A"}, "payout_wallet", "must be a Stellar address"),
        ({"payout_wallet": SECRET_SEED}, "payout_wallet", "must be a Stellar address"),
        ({"stake_basis_points": 999}, "stake_basis_points", "from 1,000 to 10,000"),
        ({"stake_basis_points": 10_001}, "stake_basis_points", "from 1,000 to 10,000"),
        ({"stake_basis_points": 0}, "stake_basis_points", "from 1,000 to 10,000"),
        ({"harvest_after_blocks": 0}, "harvest_after_blocks", "from 1 to 200"),
        ({"harvest_after_blocks": 201}, "harvest_after_blocks", "from 1 to 200"),
        ({"user_email": "ada"}, "user_email", "must be an e-mail address"),
        ({"request_id": "1"}, "request_id", "must be a UUID"),
        ({"pooler_id": "north"}, "pooler_id", "must be a UUID"),
        ({"public_key": PAYOUT_WALLET}, "public_key", "must be empty"),
    ],
)
async def test_a_bad_field_is_refused_with_its_limit_and_leaves_nothing(
    ground: Playground, changes: dict[str, Any], field: str, limit: str
) -> None:
    with pytest.raises(InvalidField) as refusal:
        await FarmerServiceStub(ground.admin).RegisterFarmer(registration(**changes))
    (violation,) = refusal.value.field_violations
    assert violation.field == field
    assert limit in violation.description
    assert SECRET_SEED not in violation.description + refusal.value.message
    assert await ground.count(NO_FARMERS) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"custody_mode": types_pb2.CUSTODY_MODE_SELF, "public_key": PAYOUT_WALLET},
        {"funding_mode": types_pb2.FUNDING_MODE_SPONSORED},
    ],
)
async def test_what_is_not_served_yet_is_unsupported(ground: Playground, changes: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        await FarmerServiceStub(ground.admin).RegisterFarmer(registration(**changes))
    assert await ground.count(NO_FARMERS) == 0


async def test_an_unknown_pooler_is_not_found(ground: Playground) -> None:
    with pytest.raises(NotFound, match="no pooler"):
        await FarmerServiceStub(ground.admin).RegisterFarmer(registration(pooler_id=new_id()))
    assert await ground.count("SELECT count(*) FROM users") == 0


async def test_a_full_pooler_takes_no_more_farmers(ground: Playground) -> None:
    created = await AdminServiceStub(ground.admin).CreatePooler(
        CreatePoolerRequest(request_id=new_id(), name="tiny", capacity=1)
    )
    stub = FarmerServiceStub(ground.admin)
    await stub.RegisterFarmer(registration(pooler_id=created.pooler.id))
    with pytest.raises(CapacityExceeded, match="at most 1 farmers"):
        await stub.RegisterFarmer(registration(pooler_id=created.pooler.id))


async def test_the_pooler_with_the_most_room_is_chosen(ground: Playground) -> None:
    created = await AdminServiceStub(ground.admin).CreatePooler(
        CreatePoolerRequest(request_id=new_id(), name="roomy", capacity=1_000)
    )
    farmer = (await FarmerServiceStub(ground.admin).RegisterFarmer(registration())).farmer
    assert farmer.pooler_id == created.pooler.id


async def test_the_same_request_gets_the_same_answer(ground: Playground) -> None:
    stub, request = FarmerServiceStub(ground.admin), registration()
    answers = await asyncio.gather(stub.RegisterFarmer(request), stub.RegisterFarmer(request))
    assert answers[0] == answers[1]
    assert await ground.count(NO_FARMERS) == 1


async def test_the_same_request_id_with_other_content_is_refused(ground: Playground) -> None:
    stub, request = FarmerServiceStub(ground.admin), registration()
    await stub.RegisterFarmer(request)
    with pytest.raises(RequestIdConflict, match="request_id"):
        await stub.RegisterFarmer(registration(request_id=request.request_id, user_email="bob@example.org"))
    assert await ground.count(NO_FARMERS) == 1


async def test_confirming_makes_the_trustline_and_activates(ground: Playground) -> None:
    farmer = await ground.register()
    await ground.fund_with_xlm(farmer.public_key)
    stub = FarmerServiceStub(ground.admin)
    request = farmer_pb2.ConfirmFundingRequest(request_id=new_id(), farmer_id=farmer.id)
    confirmed = await stub.ConfirmFunding(request)
    assert confirmed.farmer.status == types_pb2.FARMER_STATUS_ACTIVE
    assert not confirmed.farmer.funding_needed
    lookup = await ground.backend.chain.rpc.transaction(confirmed.trustline_transaction_hash.hex())
    assert lookup.ledger is not None
    assert await ground.backend.chain.farms.find_trustline(farmer.public_key) is not None
    assert await stub.ConfirmFunding(request) == confirmed
    other = farmer_pb2.ConfirmFundingRequest(request_id=new_id(), farmer_id=farmer.id)
    again = await stub.ConfirmFunding(other)
    assert again.farmer.status == types_pb2.FARMER_STATUS_ACTIVE
    assert again.trustline_transaction_hash == b""


async def test_an_account_without_funds_is_refused_with_what_is_missing(ground: Playground) -> None:
    farmer = await ground.register()
    stub = FarmerServiceStub(ground.admin)
    with pytest.raises(PoolError) as refusal:
        await stub.ConfirmFunding(farmer_pb2.ConfirmFundingRequest(request_id=new_id(), farmer_id=farmer.id))
    assert refusal.value.reason == Reason.REASON_ACCOUNT_NOT_FUNDED
    assert refusal.value.metadata == {"address": farmer.public_key, "missing_stroops": "25000000"}
    view = (await stub.GetFarmer(farmer_pb2.GetFarmerRequest(farmer_id=farmer.id))).farmer
    assert view.status == types_pb2.FARMER_STATUS_REGISTERED


async def test_who_left_can_not_be_activated_or_staked(ground: Playground) -> None:
    farmer = await ground.register()
    await ground.backend.database.run(farmers.set_status, farmer.id, FarmerStatus.DEPARTED)
    stub = FarmerServiceStub(ground.admin)
    with pytest.raises(WrongStatus):
        await stub.ConfirmFunding(farmer_pb2.ConfirmFundingRequest(request_id=new_id(), farmer_id=farmer.id))
    with pytest.raises(WrongStatus):
        await stub.UpdateStake(
            farmer_pb2.UpdateStakeRequest(request_id=new_id(), farmer_id=farmer.id, stake_basis_points=2_000)
        )


async def test_a_farmer_is_shown_with_its_balances(ground: Playground) -> None:
    farmer = await ground.add_farmer()
    await ground.plant_all()
    response = await FarmerServiceStub(ground.admin).GetFarmer(
        farmer_pb2.GetFarmerRequest(farmer_id=farmer.id)
    )
    balances = response.farmer.balances
    assert balances.kale_free_stroops == balances.in_play_stroops == 500 * 10**7
    assert balances.xlm_stroops > 0
    assert balances.ledger > 0


@pytest.mark.parametrize("farmer_id", ["7", "", "not-a-uuid"])
async def test_an_id_that_is_no_uuid_is_refused(ground: Playground, farmer_id: str) -> None:
    with pytest.raises(InvalidField, match="farmer_id"):
        await FarmerServiceStub(ground.admin).GetFarmer(farmer_pb2.GetFarmerRequest(farmer_id=farmer_id))


async def test_an_unknown_farmer_is_not_found(ground: Playground) -> None:
    stub, unknown = FarmerServiceStub(ground.admin), new_id()
    with pytest.raises(NotFound):
        await stub.GetFarmer(farmer_pb2.GetFarmerRequest(farmer_id=unknown))
    with pytest.raises(NotFound):
        await stub.ConfirmFunding(farmer_pb2.ConfirmFundingRequest(request_id=new_id(), farmer_id=unknown))
    with pytest.raises(NotFound):
        await stub.UpdateStake(
            farmer_pb2.UpdateStakeRequest(request_id=new_id(), farmer_id=unknown, stake_basis_points=2_000)
        )


async def test_the_stake_is_updated_within_its_limits(ground: Playground) -> None:
    farmer = await ground.register()
    stub = FarmerServiceStub(ground.admin)

    async def update(stake: int) -> farmer_pb2.Farmer:
        request = farmer_pb2.UpdateStakeRequest(
            request_id=new_id(), farmer_id=farmer.id, stake_basis_points=stake
        )
        return (await stub.UpdateStake(request)).farmer

    assert (await update(1_000)).stake_basis_points == 1_000
    for stake in (999, 10_001):
        with pytest.raises(InvalidField, match="from 1,000 to 10,000"):
            await update(stake)
    view = (await stub.GetFarmer(farmer_pb2.GetFarmerRequest(farmer_id=farmer.id))).farmer
    assert view.stake_basis_points == 1_000


async def test_farmers_are_listed_in_pages_in_the_order_of_registration(ground: Playground) -> None:
    stub = FarmerServiceStub(ground.admin)
    ids = [(await ground.register()).id for _ in range(5)]
    seen: list[str] = []
    token = ""
    while len(seen) < 5:
        page = await stub.ListFarmers(farmer_pb2.ListFarmersRequest(page_size=2, page_token=token))
        seen += [farmer.id for farmer in page.farmers]
        token = page.next_page_token
    assert seen == ids
    assert token == ""


async def test_lists_are_filtered(ground: Playground) -> None:
    stub = FarmerServiceStub(ground.admin)
    active, registered = await ground.register(), await ground.register()
    await ground.backend.database.run(farmers.set_status, active.id, FarmerStatus.ACTIVE)

    async def listed(**filters: Any) -> list[str]:
        page = await stub.ListFarmers(farmer_pb2.ListFarmersRequest(**filters))
        return [farmer.id for farmer in page.farmers]

    assert await listed(status=types_pb2.FARMER_STATUS_ACTIVE) == [active.id]
    assert await listed(user_email="ADA@example.org") == [active.id, registered.id]
    assert await listed(user_email="bob@example.org") == []
    assert await listed(pooler_id=new_id()) == []
    assert await listed(custody_mode=types_pb2.CUSTODY_MODE_SELF) == []


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (farmer_pb2.ListFarmersRequest(page_size=1_001), "page_size"),
        (farmer_pb2.ListFarmersRequest(page_token="x"), "page_token"),
        (farmer_pb2.ListFarmersRequest(pooler_id="x"), "pooler_id"),
    ],
)
async def test_a_bad_page_is_refused(
    ground: Playground, request_: farmer_pb2.ListFarmersRequest, field: str
) -> None:
    with pytest.raises(InvalidField) as refusal:
        await FarmerServiceStub(ground.admin).ListFarmers(request_)
    assert refusal.value.field_violations[0].field == field


async def test_poolers_may_not_act_for_farmers(ground: Playground) -> None:
    farmer = await ground.register()
    stub = FarmerServiceStub(ground.pooler)
    with pytest.raises(Forbidden):
        await stub.RegisterFarmer(registration())
    with pytest.raises(Forbidden):
        await stub.GetFarmer(farmer_pb2.GetFarmerRequest(farmer_id=farmer.id))


async def test_a_farmers_key_opens_only_that_farmer(ground: Playground) -> None:
    mine, other = await ground.register(), await ground.register()
    await ground.backend.database.run(
        api_keys.add_api_key, KeyKind.FARMER, api_key_hash("farmer key"), farmer_id=mine.id
    )
    async with open_channel(ground.backend.server.address, "farmer key") as channel:
        stub = FarmerServiceStub(channel)
        assert (await stub.GetFarmer(farmer_pb2.GetFarmerRequest(farmer_id=mine.id))).farmer.id == mine.id
        with pytest.raises(NotFound):
            await stub.GetFarmer(farmer_pb2.GetFarmerRequest(farmer_id=other.id))
        with pytest.raises(Forbidden):
            await stub.ListFarmers(farmer_pb2.ListFarmersRequest())
