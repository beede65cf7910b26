"""Each check names the field, the limit and the value."""

import uuid
from collections.abc import Callable

import pytest
from stellar_sdk import Keypair

from kalepool.v1 import backend_pb2
from poolkit.errors import InvalidField
from poolkit.fields import FieldChecks

ACCOUNT = Keypair.from_raw_ed25519_seed(bytes(32)).public_key
CONTRACT = "CDL74RF5BLYR2YBLCCI7F5FB6TPSCLKEJUBSD2RSVWZ4YHF3VMFAIGWA"
ID = "5f0c8e0e-2b59-4f0e-9d5c-0b9d3a0f8a11"

Check = Callable[[FieldChecks], object]

GOOD: list[tuple[Check, object]] = [
    (lambda c: c.uuid("id", ID), ID),
    (lambda c: c.uuid("id", ID.upper()), ID),
    (lambda c: c.integer("port", 1, least=1, most=65_535), 1),
    (lambda c: c.stroops("stake", 0), 0),
    (lambda c: c.stroops("stake", 2**63 - 1), 2**63 - 1),
    (lambda c: c.basis_points("share", 1_000, least=1_000), 1_000),
    (lambda c: c.basis_points("share", 10_000, least=1_000), 10_000),
    (lambda c: c.u32("block_index", 2**32 - 1), 2**32 - 1),
    (lambda c: c.text("name", "  north  "), "north"),
    (lambda c: c.email("email", "a@b.example"), "a@b.example"),
    (lambda c: c.bytes_of("hash", bytes(32), length=32), bytes(32)),
    (lambda c: c.account("public_key", ACCOUNT), ACCOUNT),
    (lambda c: c.contract("contract", CONTRACT), CONTRACT),
    (lambda c: c.address("payout_wallet", ACCOUNT), ACCOUNT),
    (lambda c: c.address("payout_wallet", CONTRACT), CONTRACT),
    (lambda c: c.transaction_hash("hash", "AB" * 32), "ab" * 32),
    (lambda c: c.elements("ids", [1, 2], most=2), None),
    (lambda c: c.one_of("mode", "a", ("a", "b")), "a"),
    (lambda c: c.enum("status", 1, backend_pb2.WorkStatus), 1),
    (lambda c: c.page_size("page_size", 0, default=50, most=100), 50),
    (lambda c: c.page_size("page_size", 7, default=50, most=100), 7),
]

BAD: list[tuple[Check, str, str]] = [
    (lambda c: c.uuid("id", "nonsense"), "id", "must be a UUID (got 'nonsense')"),
    (lambda c: c.uuid("id", ""), "id", "must be a UUID (got '')"),
    (lambda c: c.uuid("id", uuid.UUID(ID).hex), "id", f"must be a UUID (got '{uuid.UUID(ID).hex}')"),
    (
        lambda c: c.integer("port", 65_536, least=1, most=65_535),
        "port",
        "must be from 1 to 65,535 (got 65536)",
    ),
    (
        lambda c: c.stroops("stake", -1),
        "stake",
        "must be from 0 to 9,223,372,036,854,775,807 stroops (got -1)",
    ),
    (
        lambda c: c.basis_points("share", 999, least=1_000),
        "share",
        "must be from 1,000 to 10,000 basis points (got 999)",
    ),
    (lambda c: c.u32("block_index", -1), "block_index", "must be from 0 to 4,294,967,295 (got -1)"),
    (lambda c: c.text("name", "   "), "name", "must have from 1 to 200 characters (got '   ')"),
    (lambda c: c.text("name", "a\x00b"), "name", "must hold no control characters (got 'a\\x00b')"),
    (
        lambda c: c.email("email", "a@b"),
        "email",
        "must be an e-mail address of at most 254 characters (got 'a@b')",
    ),
    (
        lambda c: c.email("email", "a\x00@b.example"),
        "email",
        "must be an e-mail address of at most 254 characters (got 'a\\x00@b.example')",
    ),
    (lambda c: c.bytes_of("hash", bytes(31), length=32), "hash", "must have 32 bytes (got 31 bytes)"),
    (
        lambda c: c.account("wallet", CONTRACT),
        "wallet",
        f"must be a Stellar account address (G…) (got '{CONTRACT}')",
    ),
    (
        lambda c: c.address("wallet", ACCOUNT[:-1] + "A"),
        "wallet",
        f"must be a Stellar address (G… or C…) (got '{ACCOUNT[:-1]}A')",
    ),
    (lambda c: c.transaction_hash("hash", "xy"), "hash", "must be 64 hex digits (got 'xy')"),
    (lambda c: c.elements("ids", [1, 2, 3], most=2), "ids", "must have from 0 to 2 elements (got 3)"),
    (lambda c: c.one_of("mode", "z", ("a", "b")), "mode", "must be one of a, b (got 'z')"),
    (
        lambda c: c.enum("status", 0, backend_pb2.WorkStatus),
        "status",
        "must be one of WORK_STATUS_FOUND, WORK_STATUS_FAILED (got 0)",
    ),
    (
        lambda c: c.enum("status", 99, backend_pb2.WorkStatus),
        "status",
        "must be one of WORK_STATUS_FOUND, WORK_STATUS_FAILED (got 99)",
    ),
    (
        lambda c: c.page_size("page_size", 101, default=50, most=100),
        "page_size",
        "must be from 0 to 100 (got 101)",
    ),
]


@pytest.mark.parametrize(("check", "expected"), GOOD)
def test_a_good_value_comes_back_parsed(check: Check, expected: object) -> None:
    with FieldChecks() as checks:
        assert check(checks) == expected


@pytest.mark.parametrize(("check", "field", "description"), BAD)
def test_a_bad_value_is_named_with_its_limit(check: Check, field: str, description: str) -> None:
    checks = FieldChecks()
    check(checks)
    assert [(v.field, v.description) for v in checks.violations] == [(field, description)]


def test_all_violations_are_raised_together_at_the_end_of_the_block() -> None:
    def check_a_bad_request() -> None:
        with FieldChecks("work_result.") as check:
            check.uuid("farmer_id", "x")
            check.u32("block_index", -1)
            check.bytes_of("hash", b"", length=32)
            check.text("note", "")

    with pytest.raises(InvalidField) as caught:
        check_a_bad_request()
    assert [v.field for v in caught.value.field_violations] == [
        "work_result.farmer_id",
        "work_result.block_index",
        "work_result.hash",
        "work_result.note",
    ]
    assert caught.value.message.endswith("; and 1 more")


def test_an_error_inside_the_block_is_not_hidden_by_violations() -> None:
    def fail_after_a_violation() -> None:
        with FieldChecks() as check:
            check.uuid("farmer_id", "x")
            raise LookupError("something else")

    with pytest.raises(LookupError):
        fail_after_a_violation()


def test_a_long_value_is_shortened() -> None:
    checks = FieldChecks()
    checks.text("name", "x" * 5_000, most=10)
    assert len(checks.violations[0].description) < 150


def test_a_seed_in_the_wrong_field_is_not_repeated() -> None:
    seed = Keypair.random().secret
    checks = FieldChecks()
    checks.account("payout_wallet", seed)
    assert seed not in checks.violations[0].description
    assert "a secret seed" in checks.violations[0].description
