import json

import pytest

from miner_ext.hasher_messages import (
    Assign,
    Cancel,
    Command,
    Improved,
    JobHashes,
    MalformedLine,
    Progressed,
    Ready,
    Refused,
    Report,
    Stop,
    decode_command,
    decode_report,
    encode,
    shown,
)

ASSIGN = Assign(
    farmer_id="f",
    block_index=2**32 - 1,
    entropy=bytes(range(32)),
    farmer_key=bytes(32),
    nonce_from=2**64 - 1,
    weight=3,
    hashes_done=9,
)
MOVED = JobHashes(farmer_id="f", block_index=1, hashes=7, next_nonce=2**64)


@pytest.mark.parametrize("command", [ASSIGN, Cancel(farmer_id="f", block_index=0), Stop()])
def test_commands_come_back_from_their_line(command: Command) -> None:
    line = encode(command)
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert decode_command(line) == command


@pytest.mark.parametrize(
    "report",
    [
        Ready(kernel="portable", threads=2),
        Improved(farmer_id="f", block_index=1, nonce=2**64 - 1, zeros=64, hash=bytes(32), hashes=2**63),
        Progressed(
            hashes_total=7, jobs=(JobHashes(farmer_id="f", block_index=1, hashes=7, next_nonce=2**64),)
        ),
        Progressed(hashes_total=0, jobs=()),
        Refused(message="two\nlines", line="{"),
    ],
)
def test_reports_come_back_from_their_line(report: Report) -> None:
    line = encode(report)
    assert line.count(b"\n") == 1
    assert decode_report(line) == report


def test_bytes_are_hex_and_the_type_is_named() -> None:
    values = json.loads(encode(ASSIGN))
    assert values["type"] == "assign"
    assert values["entropy"] == bytes(range(32)).hex()


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"type": "plant"}, "'plant'"),
        ({"block_index": -1}, "assign.block_index: Input should be greater than or equal to 0 (got -1)"),
        ({"block_index": 2**32}, "assign.block_index: Input should be less than 4294967296 (got 4294967296)"),
        ({"block_index": "1"}, "assign.block_index: Input should be a valid integer (got '1')"),
        ({"nonce_from": 2**64}, "assign.nonce_from: Input should be less than 18446744073709551616"),
        ({"weight": 0}, "assign.weight: Input should be greater than or equal to 1 (got 0)"),
        ({"entropy": "00" * 31}, "assign.entropy: Data should have at least 32 bytes"),
        ({"farmer_key": "no hex"}, "assign.farmer_key: Data should be valid hex"),
        ({"speed": 9}, "assign.speed: Extra inputs are not permitted (got 9)"),
    ],
)
def test_a_malformed_command_is_refused_naming_field_limit_and_value(
    changed: dict[str, object], text: str
) -> None:
    line = json.dumps(json.loads(encode(ASSIGN)) | changed).encode()
    with pytest.raises(MalformedLine) as caught:
        decode_command(line)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"[]", b"null", b"{", b"\xff\xfe", b'{"type": "stop"} x', b"[" * 9999]
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(MalformedLine):
        decode_command(line)
    with pytest.raises(MalformedLine):
        decode_report(line)


def test_commands_are_no_reports() -> None:
    with pytest.raises(MalformedLine):
        decode_report(encode(ASSIGN))
    with pytest.raises(MalformedLine):
        decode_command(encode(Ready(kernel="portable", threads=1)))


def test_only_the_beginning_of_a_line_is_shown() -> None:
    assert shown(b"abc\n") == "abc"
    assert shown(b"\xff" + b"a" * 1000) == "\ufffd" + "a" * 199
