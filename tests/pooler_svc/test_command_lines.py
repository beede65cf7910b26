import pytest

from kale.addresses import account_key_bytes
from pooler_svc.hashers import HashJob
from pooler_svc.hashers.command_lines import (
    difficulty_arguments,
    parse_difficulty_answer,
    parse_range_answer,
    range_arguments,
    split_command,
    with_arguments,
)
from pooler_svc.hashers.failures import HasherCrashed

JOB = HashJob("a", 37, bytes(range(32)), bytes(range(32, 64)), 5)
DIGEST = "0a" * 32
ANSWER = (7, bytes.fromhex(DIGEST))


def test_a_command_is_split_as_a_shell_would() -> None:
    assert split_command("nice './my miner' {} --gpu") == ("nice", "./my miner", "{}", "--gpu")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "must begin with a program"),
        ("{} --gpu", "must begin with a program"),
        ("miner {} {}", "at most once, got 2"),
        ("miner 'x", "No closing quotation"),
    ],
)
def test_what_is_no_command_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        split_command(text)


def test_arguments_go_where_the_braces_are_else_last() -> None:
    assert with_arguments(("m", "{}", "--gpu"), ("1", "2")) == ("m", "1", "2", "--gpu")
    assert with_arguments(("m", "--gpu"), ("1",)) == ("m", "--gpu", "1")


def test_the_two_command_lines() -> None:
    assert " ".join(range_arguments(JOB, 10)) == (
        f"--farmer-hex {JOB.farmer_key.hex()} --index 37 --entropy-hex {JOB.entropy.hex()} --nonce-count 10"
    )
    words = difficulty_arguments(JOB, 9, 6)
    assert words[:4] == ("37", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "9", "6")
    assert account_key_bytes(words[4]) == JOB.farmer_key


@pytest.mark.parametrize(
    "output",
    [
        f'[7, "{DIGEST}"]\n',
        f'["7","{DIGEST.upper()}"]',
        f'Hashrate: 3.21 MH/s\n  [ "7" , "{DIGEST}" ] \r\n\n',
        f'[6, "{DIGEST}"]\n\xff\xfe\n[7, "{DIGEST}"]\n',
    ],
)
def test_a_range_s_answer_is_its_last_line(output: str) -> None:
    assert parse_range_answer(output.encode("latin-1")) == ANSWER


@pytest.mark.parametrize(
    "output",
    [
        "",
        "[]",
        f'[7, "{DIGEST}"]\nbye',
        f'[7.0, "{DIGEST}"]',
        f'[-7, "{DIGEST}"]',
        f'["7, "{DIGEST}"]',
        f'[7, "{DIGEST}0"]',
        '[7, "zz"]',
        "[" * 60_000,
        f'[{2**64}, "{DIGEST}"]',
    ],
)
def test_other_output_of_a_range_is_refused(output: str) -> None:
    with pytest.raises(HasherCrashed, match="must "):
        parse_range_answer(output.encode())


@pytest.mark.parametrize(
    "output",
    [
        f'{{"hash": "{DIGEST}", "nonce": 7}}',
        f'[CPU] {{0}}\n{{\n  "hash": "{DIGEST.upper()}",\n  "nonce": "7"\n}}\nbye {{}}\n',
        f'{{"nonce": 1, "hash": "{"00" * 32}"}} {{"nonce": 7, "hash": "{DIGEST}", "rate": 3.5}} {{"a": 1}}',
    ],
)
def test_the_answer_to_a_difficulty_is_the_last_object_that_has_one(output: str) -> None:
    assert parse_difficulty_answer(output.encode()) == ANSWER


@pytest.mark.parametrize(
    "output",
    [
        "No valid hash found.\n",
        "{" * 60_000,
        '{"a":' * 10_000,
        '{"a": ' + "[" * 490 + "}",
        f'{{"hash": "{DIGEST}"}}',
        f'{{"hash": "{DIGEST}", "nonce": true}}',
        f'{{"hash": "{DIGEST}", "nonce": 7.5}}',
        f'{{"hash": "{DIGEST}", "nonce": -7}}',
        f'{{"hash": "{DIGEST[2:]}", "nonce": 7}}',
        f'{{"hash": "{DIGEST}", "nonce": {2**64}}}',
    ],
)
def test_other_output_to_a_difficulty_is_refused(output: str) -> None:
    with pytest.raises(HasherCrashed, match="must "):
        parse_difficulty_answer(output.encode())
