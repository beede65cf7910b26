"""The generator of odd requests makes what it says, for every request of the protos."""

import pytest

from kalepool.v1.backend_pb2 import PlantRequest, WorkRequest
from kalepool.v1.farmer_pb2 import RegisterFarmerRequest
from tests.contracts.methods import METHODS, Method
from tests.contracts.odd_requests import (
    UNKNOWN_FIELDS,
    bare,
    filled,
    largest,
    odd_requests,
    smallest,
    variants,
)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_every_odd_request_can_be_parsed(method: Method) -> None:
    made = [method.request.FromString(data) for _, data in odd_requests(method.request)]
    assert len(made) >= 5


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_unknown_fields_are_unknown_to_every_request(method: Method) -> None:
    parsed = method.request.FromString(UNKNOWN_FIELDS)
    assert parsed.ListFields() == []
    assert parsed.SerializeToString() == UNKNOWN_FIELDS


def test_each_arm_of_a_stream_request_is_a_variant() -> None:
    assert variants(PlantRequest.DESCRIPTOR) == ["open", "plant_block", "cancel", "goodbye"]
    assert variants(RegisterFarmerRequest.DESCRIPTOR) == [""]


def test_a_bare_request_holds_its_arm_and_nothing_else() -> None:
    assert bare(PlantRequest, "cancel").SerializeToString() == b"\x2a\x00"


def test_extreme_values_reach_nested_fields_of_the_chosen_arm() -> None:
    request = filled(WorkRequest, "work_result", largest)
    assert isinstance(request, WorkRequest)
    assert request.WhichOneof("message") == "work_result"
    assert request.work_result.nonce == 2**64 - 1
    assert request.work_result.work_time.seconds == 2**63 - 1


def test_optional_fields_are_set_though_their_value_is_zero() -> None:
    request = filled(RegisterFarmerRequest, "", smallest)
    assert isinstance(request, RegisterFarmerRequest)
    assert request.HasField("stake_basis_points")
