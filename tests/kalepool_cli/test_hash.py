"""`kalepool hash`: the answers of both ways to ask, and one line for what is asked wrongly."""

import asyncio
import base64
import json
import os
import signal
import subprocess

import pytest
from typer.testing import CliRunner, Result

from kale.addresses import account_key_bytes
from kalepool_cli.main import app
from kalepool_cli.processes import kalepool_command
from miner_ext import MAX_THREADS, Search, verify

ENTROPY = base64.b64decode("AAAAAAn66y/43JP7M02rwTmONZoWOmu1OPYz/bmzJ8o=")
ADDRESS = "GBQHTQ7NTSKHVTSVM6EHUO3TU4P4BK2TAAII25V2TT2Q6OWXUJWEKALE"
KEY = account_key_bytes(ADDRESS)
KNOWN_NONCE = 20495217910
KNOWN_HASH = "0000000099be0037e5a48324959cb9dd10965ae59511cfd1996f9b917aad9980"
RANGE = {"--farmer-hex": KEY.hex(), "--index": "37", "--entropy-hex": ENTROPY.hex(), "--nonce-count": "1000"}
DIFFICULTY = ("37", base64.b64encode(ENTROPY).decode(), "20495217909", "8", ADDRESS)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["hash", *words])


def range_words(**changes: str | None) -> list[str]:
    """The command line of a range, with options changed, added or (None) left out."""
    options = RANGE | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    return [word for name, value in options.items() if value is not None for word in (name, value)]


def difficulty_words(**changes: str) -> list[str]:
    names = ("block", "entropy", "nonce", "difficulty", "address")
    return [changes.get(name, word) for name, word in zip(names, DIFFICULTY, strict=True)]


@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_best_nonce_of_a_range_is_one_line(threads: str) -> None:
    result = run(*range_words(threads=threads))
    best = Search(37, ENTROPY, KEY, 0, 1000).run().best
    assert best is not None
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f'[{best.nonce}, "{best.hash.hex()}"]\n'


def test_a_range_may_begin_anywhere() -> None:
    result = run(*range_words(nonce_from=str(KNOWN_NONCE - 100), nonce_count="200"))
    assert result.stdout == f'[{KNOWN_NONCE}, "{KNOWN_HASH}"]\n'
    last = run(*range_words(nonce_from=str(2**64 - 1), nonce_count="1"))
    assert json.loads(last.stdout) == [2**64 - 1, verify(37, ENTROPY, KEY, 2**64 - 1).hash.hex()]


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--max-threads", "1", "--batch-size", "1000"),
        ("--max-threads", "4", "--batch-size", "10000000", "--verbose"),
        ("--max-threads", "512", "--batch-size", "100000000", "--device", "0", "--platform", "1"),
    ],
)
def test_a_nonce_of_a_difficulty_is_an_object_as_kale_miner_prints_it(options: tuple[str, ...]) -> None:
    result = run(*difficulty_words(), *options)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f'{{\n  "hash": "{KNOWN_HASH}",\n  "nonce": {KNOWN_NONCE}\n}}\n'


@pytest.mark.parametrize("zeros", [0, 1, 3, 5])
@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_answer_is_the_first_nonce_with_at_least_the_zeros_asked_for(zeros: int, threads: str) -> None:
    result = run(*difficulty_words(nonce="9", difficulty=str(zeros)), "--max-threads", threads)
    answer = json.loads(result.stdout)
    solution = verify(37, ENTROPY, KEY, answer["nonce"])
    assert answer["hash"] == solution.hash.hex()
    assert solution.zeros >= zeros
    before = Search(37, ENTROPY, KEY, 9, solution.nonce - 9).run().best
    assert before is None or before.zeros < zeros


def test_when_no_nonce_is_left_it_says_so() -> None:
    result = run(*difficulty_words(nonce=str(2**64 - 5), difficulty="64"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "kalepool: no nonce is left that has the zeros\n"


U64 = 2**64 - 1
THREADS = f"must be a whole number from 1 to {MAX_THREADS}, got '0'"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "--farmer-hex, --index, --entropy-hex, --nonce-count or else BLOCK"),
        (range_words(index=None, nonce_count=None), "--index, --nonce-count or else BLOCK"),
        (range_words(index="-1"), "--index must be a whole number from 0 to 4294967295, got '-1'"),
        (range_words(index="4294967296"), "--index must be a whole number from 0 to 4294967295, got "),
        (range_words(index="٣"), "--index must be a whole number from 0 to 4294967295, got '٣'"),
        (range_words(nonce_count="0"), f"--nonce-count must be a whole number from 1 to {U64}, got '0'"),
        (range_words(nonce_count=str(2**64)), f"--nonce-count must be a whole number from 1 to {U64}, got"),
        (range_words(nonce_from="5", nonce_count=str(2**64)), f"from 1 to {2**64 - 5}, got '{2**64}'"),
        (range_words(nonce_from=str(2**64)), f"--nonce-from must be a whole number from 0 to {U64}, got "),
        (range_words(threads="0"), f"--threads {THREADS}"),
        (range_words(entropy_hex="ab"), "--entropy-hex must be 64 hex digits, got 2 characters: 'ab'"),
        (range_words(farmer_hex="zz" * 32), "--farmer-hex must be 64 hex digits, got 64 characters: 'zz"),
        (range_words(farmer_hex=""), "--farmer-hex must be 64 hex digits, got 0 characters: ''"),
        (range_words(max_threads="2"), "--max-threads must not be given with --farmer-hex"),
        ([*difficulty_words(), "--nonce-count", "5"], "--nonce-count must not be given with BLOCK"),
        ([*difficulty_words(), "--threads", "5"], "--threads must not be given with BLOCK"),
        ([*difficulty_words(), "--gpu"], "--gpu must be one of --farmer-hex, --index, "),
        (difficulty_words()[:4], "BLOCK HASH_BASE64 NONCE DIFFICULTY ADDRESS must be 5 words, got 4"),
        ([*difficulty_words(), "6"], "must be 5 words, got 6"),
        (["--max-threads", "2"], "must be 5 words, got 0"),
        (difficulty_words(block="-37"), "BLOCK must be a whole number from 0 to 4294967295, got '-37'"),
        (difficulty_words(nonce="-5"), f"NONCE must be a whole number from 0 to {U64}, got '-5'"),
        (difficulty_words(nonce="1e3"), f"NONCE must be a whole number from 0 to {U64}, got '1e3'"),
        (difficulty_words(difficulty="65"), "DIFFICULTY must be a whole number from 0 to 64, got '65'"),
        (difficulty_words(entropy="AAAA"), "HASH_BASE64 must be 32 bytes, got 3: 'AAAA'"),
        (difficulty_words(entropy="AA*A"), "HASH_BASE64 must be base64 "),
        (difficulty_words(address="GNOBODY"), "ADDRESS must be a G address, 56 characters"),
        (difficulty_words(address=ADDRESS[:-1] + "A"), "ADDRESS must be a G address, 56 characters"),
        (difficulty_words(address=ADDRESS.lower()), "ADDRESS must be a G address, 56 characters"),
        ([*difficulty_words(), "--max-threads", "0"], f"--max-threads {THREADS}"),
        ([*difficulty_words(), "--device", "-1"], "--device must be a whole number from 0 to 2147483647"),
        (range_words(device="0"), "--device must not be given with --farmer-hex"),
        ([*difficulty_words(), "--batch-size", "0"], f"--batch-size must be a whole number from 1 to {U64}"),
    ],
)
def test_what_is_asked_wrongly_is_one_line_with_limit_and_value(words: list[str], text: str) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("kalepool: ")
    assert result.stderr.count("\n") == 1
    assert text in result.stderr


def test_an_instruction_set_of_the_environment_that_is_not_there_is_one_line() -> None:
    ended = subprocess.run(
        kalepool_command("hash", *range_words()),
        env={**os.environ, "KALE_MINER_ISA": "sse9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert ended.stderr.startswith("kalepool: KALE_MINER_ISA must be an instruction set of this machine")


def test_the_help_shows_an_example_of_either_way() -> None:
    text = CliRunner().invoke(app, ["hash", "--help"], env={"COLUMNS": "200"}).output
    assert "kalepool hash --farmer-hex HEX --index 37 --entropy-hex HEX --nonce-count 10000000" in text
    assert f"kalepool hash {' '.join(DIFFICULTY[:4])}" in text
    assert '[440, "' in text


async def test_without_a_terminal_there_is_no_progress() -> None:
    process = await asyncio.create_subprocess_exec(
        *kalepool_command("hash", *range_words(nonce_count="5000000")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await process.communicate()
    assert (process.returncode, said) == (0, b"")
    assert out.count(b"\n") == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_ends_a_search_at_once_and_a_terminal_was_told_of_its_progress(
    number: signal.Signals, code: int
) -> None:
    ours, terminal = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *kalepool_command("hash", *difficulty_words(difficulty="40")),
        stdout=asyncio.subprocess.PIPE,
        stderr=terminal,
    )
    os.close(terminal)
    try:
        said = b""
        while b"MH/s" not in said:
            said += await asyncio.to_thread(os.read, ours, 1000)
        process.send_signal(number)
        async with asyncio.timeout(120):
            out, _ = await process.communicate()
        assert (process.returncode, out) == (code, b"")
    finally:
        os.close(ours)
        if process.returncode is None:
            process.kill()
            await process.wait()
