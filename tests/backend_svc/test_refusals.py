"""Every kind of bad input that the Backend refuses names its field and limit, and leaves no record."""

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from kalepool.v1 import backend_pb2, farmer_pb2
from kalepool.v1.backend_pb2 import WorkResult
from kalepool.v1.errors_pb2 import Failure, Reason
from poolkit.errors import DETAILS_KEY, DOMAIN
from tests.backend_svc.playground import PAYOUT_WALLET, Playground, new_id, work_talk

REGISTER = "/kalepool.v1.FarmerService/RegisterFarmer"
GET = "/kalepool.v1.FarmerService/GetFarmer"
UPDATE_STAKE = "/kalepool.v1.FarmerService/UpdateStake"
PLANT = "/kalepool.v1.BackendService/Plant"
UNKNOWN_ID = "6d0b6c1e-3c39-4d0e-9a53-0c7c6b0f0b52"


def _serialized(request: Any) -> bytes:
    wire: bytes = request.SerializeToString()
    return wire


async def status_of(ground: Playground, method: str, request: Any, key: str | None) -> status_pb2.Status:
    """The status with its details, as a client without any of our code gets it."""
    metadata = [("authorization", f"Bearer {key}")] if key is not None else []
    async with grpc.aio.insecure_channel(ground.backend.server.address) as channel:
        call: Any = channel.unary_stream(method, _serialized, bytes)(request, metadata=metadata)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            async for _ in call:
                pass
    trailing: Any = refused.value.trailing_metadata()
    details = dict(trailing)[DETAILS_KEY]
    status = status_pb2.Status.FromString(details)
    assert status.code == refused.value.code().value[0]
    return status


def unpacked(status: status_pb2.Status, kind: Any) -> Any:
    for detail in status.details:
        message = kind()
        if detail.Unpack(message):
            return message
    raise AssertionError(f"no {kind.DESCRIPTOR.name} in {status}")


def registration(**changes: Any) -> farmer_pb2.RegisterFarmerRequest:
    known = {"request_id": new_id(), "user_email": "ada@example.org", "payout_wallet": PAYOUT_WALLET}
    return farmer_pb2.RegisterFarmerRequest(**{**known, **changes})


def stake_update(stake_basis_points: int) -> farmer_pb2.UpdateStakeRequest:
    return farmer_pb2.UpdateStakeRequest(
        request_id=new_id(), farmer_id=UNKNOWN_ID, stake_basis_points=stake_basis_points
    )


@pytest.mark.parametrize(
    ("method", "request_", "reason", "field", "limit"),
    [
        (REGISTER, registration(payout_wallet="G123"), "INVALID_FIELD", "payout_wallet", "Stellar address"),
        (
            REGISTER,
            registration(stake_basis_points=999),
            "INVALID_FIELD",
            "stake_basis_points",
            "1,000 to 10,000",
        ),
        (UPDATE_STAKE, stake_update(10_001), "INVALID_FIELD", "stake_basis_points", "1,000 to 10,000"),
        (UPDATE_STAKE, stake_update(2_000), "NOT_FOUND", "farmer_id", "an existing farmer"),
        (GET, farmer_pb2.GetFarmerRequest(farmer_id=UNKNOWN_ID), "NOT_FOUND", "farmer_id", UNKNOWN_ID),
        (REGISTER, registration(pooler_id=UNKNOWN_ID), "NOT_FOUND", "pooler_id", "an existing pooler"),
    ],
)
async def test_a_refused_call_names_field_and_limit_and_leaves_nothing(
    ground: Playground, method: str, request_: Any, reason: str, field: str, limit: str
) -> None:
    admin_key = ground.backend.settings.admin_key_path.read_text().strip()
    status = await status_of(ground, method, request_, admin_key)
    info = unpacked(status, error_details_pb2.ErrorInfo)
    assert (info.domain, info.reason) == (DOMAIN, f"REASON_{reason}")
    (violation,) = unpacked(status, error_details_pb2.BadRequest).field_violations
    assert violation.field == field
    assert limit in violation.description
    assert await ground.count("SELECT count(*) FROM farmers") == 0
    assert await ground.count("SELECT count(*) FROM users") == 0


@pytest.mark.parametrize("key", [None, "", "kalepool_wrong"])
@pytest.mark.parametrize(
    ("method", "request_"),
    [(REGISTER, registration()), (PLANT, backend_pb2.PlantRequest(sequence=1))],
)
async def test_a_missing_or_wrong_key_is_refused_by_the_name_of_its_metadata(
    ground: Playground, method: str, request_: Any, key: str | None
) -> None:
    status = await status_of(ground, method, request_, key)
    assert unpacked(status, error_details_pb2.ErrorInfo).reason == "REASON_UNAUTHENTICATED"
    (violation,) = unpacked(status, error_details_pb2.BadRequest).field_violations
    assert violation.field == "authorization"
    assert "key" in violation.description.lower()
    assert await ground.count("SELECT count(*) FROM farmers") == 0


def _another_hash(result: WorkResult) -> None:
    result.hash = bytes(32)


def _other_zeros(result: WorkResult) -> None:
    result.zeros += 1


def _another_farmer(result: WorkResult) -> None:
    result.farmer_id = UNKNOWN_ID


def _the_next_block(result: WorkResult) -> None:
    result.block_index += 1


def _a_closed_block(result: WorkResult) -> None:
    result.block_index -= 1


def _nothing(result: WorkResult) -> None:
    """The farmer is one of the pool's, its nonce is right: it just was never planted."""


@pytest.mark.parametrize(
    ("change", "reason", "field", "limit"),
    [
        (_another_hash, Reason.REASON_HASH_MISMATCH, "work_result.hash", "for nonce"),
        (_other_zeros, Reason.REASON_HASH_MISMATCH, "work_result.zeros", "for this hash"),
        (_another_farmer, Reason.REASON_NOT_FOUND, "work_result.farmer_id", "of this pooler"),
        (_the_next_block, Reason.REASON_BLOCK_NOT_CURRENT, "work_result.block_index", "the current block"),
        (_a_closed_block, Reason.REASON_WORK_LATE, "work_result.block_index", "the current block"),
        (_nothing, Reason.REASON_NOT_PLANTED, "work_result.farmer_id", "planted in block"),
    ],
)
async def test_a_refused_work_names_field_and_limit_and_leaves_nothing(
    ground: Playground,
    change: Callable[[WorkResult], None],
    reason: Reason.ValueType,
    field: str,
    limit: str,
) -> None:
    farmer = await ground.add_farmer(kale=False)
    await ground.open_next_block()
    result = await ground.found(farmer)
    change(result)
    talk = work_talk(ground)
    await talk.open()
    talk.ask(work_result=result)
    receipt = (await talk.next_durable()).receipt
    assert receipt.state == backend_pb2.WORK_STATE_REFUSED
    failure: Failure = receipt.failure
    assert failure.reason == reason
    (violation,) = failure.field_violations
    assert violation.field == field
    assert limit in violation.description
    assert "(got " in violation.description
    assert await ground.count("SELECT count(*) FROM works") == 0
