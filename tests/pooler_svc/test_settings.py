from pathlib import Path

import pytest
from pydantic import ValidationError

from pooler_svc.settings import PoolerSettings
from poolkit.startup_error import StartupError


def settings(**values: object) -> PoolerSettings:
    known: dict[str, object] = {"stellar_network": "local", "rpc_url": "http://127.0.0.1:8000", **values}
    return PoolerSettings(_env_file=None, **known)  # type: ignore[arg-type]


def test_defaults_are_those_of_the_design() -> None:
    defaults = settings(pooler_api_key="k")
    assert defaults.pooler_port == 3001
    assert defaults.backend_address == "127.0.0.1:3000"
    assert defaults.work_delay_seconds == pytest.approx(282.0)
    assert defaults.block_poll_interval_seconds == 5
    assert defaults.max_farmers_capacity == 50
    assert defaults.plant_hold_seconds == 30
    assert defaults.harvest_interval_seconds == 30


def test_a_key_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "pooler.key"
    file.write_text("the-key\n")
    assert settings(pooler_api_key_file=file).api_key() == "the-key"
    assert settings(pooler_api_key_file=file).operator_keys() == ("the-key",)


def test_an_operator_key_is_taken_besides_the_poolers_own() -> None:
    assert settings(pooler_api_key="a", pooler_operator_key="b").operator_keys() == ("a", "b")


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_key_file_that_holds_no_key_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "pooler.key"
    if content is not None:
        file.write_text(content)
    with pytest.raises(StartupError, match=f"POOLER_API_KEY_FILE {file}"):
        settings(pooler_api_key_file=file).api_key()


@pytest.mark.parametrize("key", ["schlüssel", "two words", "line\nbreak", "\x00x"])
def test_a_key_that_no_metadata_could_carry_is_refused_without_showing_it(tmp_path: Path, key: str) -> None:
    file = tmp_path / "pooler.key"
    file.write_text(key)
    for source in (settings(pooler_api_key=key), settings(pooler_api_key_file=file)):
        with pytest.raises(StartupError, match="POOLER_API_KEY must have") as refused:
            source.api_key()
        assert key not in str(refused.value)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "POOLER_API_KEY or POOLER_API_KEY_FILE is missing"),
        ({"pooler_api_key": "a", "pooler_api_key_file": "b"}, "both set"),
        ({"pooler_api_key": "a", "work_delay_minutes": 0}, "greater than 0"),
        ({"pooler_api_key": "a", "max_farmers_capacity": 1001}, "less than or equal to 1000"),
        ({"pooler_api_key": "a", "pooler_port": 65_536}, "less than or equal to 65535"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, object], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        settings(**values)


def test_no_key_shows_in_the_settings_text() -> None:
    assert "very-secret" not in repr(
        settings(pooler_api_key="very-secret", pooler_operator_key="very-secret")
    )
