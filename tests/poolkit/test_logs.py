"""Log lines: JSON off a terminal, fields intact, secrets never."""

import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from stellar_sdk import Keypair

from poolkit.logs import configure_logs, get_logger

FULL_BYTES = 50 * 1024 * 1024
SEED = Keypair.from_raw_ed25519_seed(bytes(range(32))).secret


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in list(root.handlers):
        root.removeHandler(handler)
        if handler not in handlers:
            handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_off_a_terminal_is_json_with_its_fields() -> None:
    stream = io.StringIO()
    configure_logs("INFO", service="backend", stream=stream)
    get_logger("backend_svc.planting").info("planted", block=37, stake_stroops=5)
    (line,) = lines(stream)
    assert line["event"] == "planted"
    assert (line["block"], line["stake_stroops"]) == (37, 5)
    assert (line["level"], line["service"], line["logger"]) == ("info", "backend", "backend_svc.planting")
    assert str(line["timestamp"]).endswith("Z")


def test_a_human_line_is_text() -> None:
    stream = io.StringIO()
    configure_logs("INFO", stream=stream, human=True)
    get_logger("x").info("planted", block=37)
    assert "planted" in stream.getvalue()
    assert "block=37" in stream.getvalue()


@pytest.mark.parametrize("human", [True, False])
def test_secrets_are_struck_out_of_message_fields_and_trace(human: bool) -> None:
    stream = io.StringIO()
    configure_logs("INFO", stream=stream, human=human)
    log = get_logger("x")
    try:
        raise ValueError(f"bad seed {SEED}")
    except ValueError:
        log.exception("can not sign with " + SEED, seed=SEED, deep={"list": [SEED]})
    assert "ValueError" in stream.getvalue()
    assert SEED not in stream.getvalue()


def test_lines_of_libraries_are_struck_through_as_well() -> None:
    stream = io.StringIO()
    configure_logs("INFO", stream=stream)
    logging.getLogger("library").warning("connecting to %s", "postgresql://a:hunter2@db/kale")
    (line,) = lines(stream)
    assert line["event"] == "connecting to postgresql://a:[redacted]@db/kale"


def test_lines_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    configure_logs("WARNING", stream=stream)
    get_logger("x").info("quiet")
    assert stream.getvalue() == ""


def test_context_variables_are_in_every_line() -> None:
    stream = io.StringIO()
    configure_logs(stream=stream)
    with structlog.contextvars.bound_contextvars(request="r1"):
        get_logger("x").info("inside")
    assert lines(stream)[0]["request"] == "r1"


def test_the_file_gets_json_lines_whatever_the_terminal_gets(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "backend.log"
    configure_logs("INFO", file=file, stream=io.StringIO(), human=True)
    get_logger("x").info("planted", seed=SEED)
    (line,) = file.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["seed"] == "[redacted]"


def test_a_full_file_is_put_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    file = tmp_path / "backend.log"
    file.touch()
    os.truncate(file, FULL_BYTES)
    configure_logs("INFO", file=file, stream=io.StringIO(), human=True)
    get_logger("x").info("planted")
    assert (tmp_path / "backend.log.1").stat().st_size == FULL_BYTES
    (line,) = file.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["event"] == "planted"


def test_an_unknown_level_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"DEBUG, INFO, .* \(got 'LOUD'\)"):
        configure_logs("LOUD")
