"""Settings: every fault is one clear line that names its key, and no secret."""

import os
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import SecretStr

from kale.networks import LOCAL, MAINNET
from poolkit.settings import ChainSettings, ServiceSettings, load_settings
from poolkit.startup_error import StartupError

OTHER_CONTRACT = "CDSWUUXGPWDZG76ISK6SUCVPZJMD5YUV66J2FXFXFGDX25XKZJIEITAO"
OURS = ("KALEPOOL_", "KALE_", "POOLER_", "STELLAR_", "RPC_", "LOG_", "NETWORK_", "SHUTDOWN_", "DATABASE_")


class ExampleSettings(ChainSettings):
    """A service's settings, as the services derive them."""

    prefixes: ClassVar[tuple[str, ...]] = (*ChainSettings.prefixes, "POOLER_")
    keys_of_others: ClassVar[frozenset[str]] = frozenset({"KALEPOOL_MASTER_KEY"})

    pooler_port: int = 3001
    kalepool_api_key: SecretStr = SecretStr("")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for key in os.environ:
        if key.startswith(OURS):
            monkeypatch.delenv(key)
    monkeypatch.chdir(tmp_path)


def write(text: str) -> Path:
    Path(".env").write_text(text, encoding="utf-8")
    return Path(".env")


GOOD = "STELLAR_NETWORK=local\nRPC_URL=http://127.0.0.1:8000\n"


def test_the_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    write(GOOD + "POOLER_PORT=4000\nLOG_LEVEL=debug\n")
    monkeypatch.setenv("POOLER_PORT", "5000")
    settings = load_settings(ExampleSettings)
    assert (settings.pooler_port, settings.log_level) == (5000, "DEBUG")
    assert settings.network == LOCAL


def test_without_a_file_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STELLAR_NETWORK", "mainnet")
    monkeypatch.setenv("RPC_URL", "https://one.example, https://two.example/key")
    settings = load_settings(ExampleSettings)
    assert settings.rpc_urls == ("https://one.example", "https://two.example/key")
    assert settings.network == MAINNET


def test_an_empty_value_counts_as_not_set() -> None:
    write(GOOD + "POOLER_PORT=\nKALE_CONTRACT_ID=\n")
    assert load_settings(ExampleSettings).pooler_port == 3001


def test_the_farm_contract_can_be_another() -> None:
    write(GOOD + f"KALE_CONTRACT_ID={OTHER_CONTRACT}\nNETWORK_PASSPHRASE=my own network\n")
    network = load_settings(ExampleSettings).network
    assert (network.farm_contract_id, network.passphrase) == (OTHER_CONTRACT, "my own network")
    assert network.asset_code == "KALE"


def test_keys_without_our_prefix_and_keys_of_others_are_nobodys_business() -> None:
    write(GOOD + "EDITOR=vi\nKALEPOOL_MASTER_KEY=secret\nBACKEND_PORT=3000\n")
    assert load_settings(ExampleSettings).pooler_port == 3001


FAULTS = [
    ("RPC_URL=http://x\n", "configuration: STELLAR_NETWORK is missing"),
    ("STELLAR_NETWORK=local\n", "configuration: RPC_URL is missing"),
    (
        "STELLAR_NETWORK=futurenet\nRPC_URL=http://x\n",
        "configuration: STELLAR_NETWORK: input should be 'mainnet', 'testnet' or 'local' (got 'futurenet')",
    ),
    (GOOD + "POOLER_PROT=1\n", "configuration: POOLER_PROT is unknown, did you mean POOLER_PORT?"),
    (GOOD + "KALEPOOL_ZZZ=1\n", "configuration: KALEPOOL_ZZZ is unknown"),
    (GOOD + "SOROBAN_RPC_URL=http://x\n", "configuration: SOROBAN_RPC_URL is not used any more: use RPC_URL"),
    (
        GOOD + "POOLER_PORT=many\n",
        "configuration: POOLER_PORT: input should be a valid integer, unable to parse string as an integer "
        "(got 'many')",
    ),
    (
        GOOD + "SHUTDOWN_WALL_SECONDS=0\n",
        "configuration: SHUTDOWN_WALL_SECONDS: input should be greater than 0 (got '0')",
    ),
    (
        GOOD + "LOG_LEVEL=LOUD\n",
        "configuration: LOG_LEVEL: must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL (got 'LOUD')",
    ),
    (
        GOOD + "RPC_URL=ftp://x\n",
        "configuration: RPC_URL: must be one or more http:// or https:// addresses, separated by commas (got 'ftp://x')",
    ),
    *(
        (
            GOOD + f"RPC_URL={url}\n",
            "configuration: RPC_URL: must be one or more http:// or https:// addresses, separated by commas "
            f"(got {url!r})",
        )
        for url in ("http://", "http://[::1", "http://x:99999", "http://x:port", "https://x,http:///path")
    ),
    (
        GOOD + "KALE_CONTRACT_ID=CABC\n",
        "configuration: KALE_CONTRACT_ID: must be a contract address (C…) (got 'CABC')",
    ),
    (
        "STELLAR_NETWORK=mainnet\nRPC_URL=http://x\nNETWORK_PASSPHRASE=other\n",
        "configuration: NETWORK_PASSPHRASE is not that of mainnet "
        "('Public Global Stellar Network ; September 2015')",
    ),
    (
        "STELLAR_NETWORK=local\nPOOLER_PORT=many\n",
        "configuration: RPC_URL is missing; POOLER_PORT: input should be a valid integer, "
        "unable to parse string as an integer (got 'many')",
    ),
]


@pytest.mark.parametrize(("text", "line"), FAULTS)
def test_a_fault_is_one_line_that_names_its_key(text: str, line: str) -> None:
    write(text)
    with pytest.raises(StartupError) as caught:
        load_settings(ExampleSettings)
    assert str(caught.value) == line


def test_an_unknown_key_in_the_environment_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLER_THREADS", "4")
    write(GOOD)
    with pytest.raises(StartupError, match="POOLER_THREADS is unknown"):
        load_settings(ExampleSettings)


def test_the_value_of_a_secret_is_not_shown() -> None:
    class Strict(ServiceSettings):
        database_password: int = 0
        database_url: int = 0

    write("DATABASE_PASSWORD=hunter2\nDATABASE_URL=postgresql://a:hunter2@db/kale\n")
    with pytest.raises(StartupError) as caught:
        load_settings(Strict)
    assert "DATABASE_PASSWORD" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_settings_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="there is no settings file"):
        load_settings(ServiceSettings, env_file=tmp_path / "missing.env")


def test_settings_do_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(ServiceSettings)
    with pytest.raises(ValueError, match="frozen"):
        settings.log_level = "DEBUG"  # type: ignore[misc]
