"""The example environment files: they load, they show every setting, and what they call a default is one."""

import os
import re
from pathlib import Path

import pytest

from backend_svc.settings import BackendSettings
from kale.networks import LOCAL, MAINNET, TESTNET, Network
from pooler_svc.settings import PoolerSettings
from poolkit.settings import ChainSettings, load_settings
from poolkit.startup_error import StartupError

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
KINDS: dict[str, type[ChainSettings]] = {"backend": BackendSettings, "pooler": PoolerSettings}
NETWORKS = (LOCAL, TESTNET, MAINNET)
FILES = [
    pytest.param(DEPLOY / network.name / f"{service}.env", kind, network, id=f"{network.name}-{service}")
    for network in NETWORKS
    for service, kind in KINDS.items()
]
_SETTING = re.compile(r"^(?P<shown>#?)(?P<key>[A-Z][A-Z0-9_]*)=(?P<value>.*)$", re.MULTILINE)


@pytest.fixture(autouse=True)
def _without_settings_of_this_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {name.upper() for kind in KINDS.values() for name in kind.model_fields}
    for key in os.environ:
        if key in known or key.startswith(("KALEPOOL_", "KALE_", "BACKEND_", "POOLER_")):
            monkeypatch.delenv(key)


def test_each_network_has_a_file_for_each_service_and_no_other() -> None:
    found = {path for path in DEPLOY.rglob("*") if path.is_file()}
    assert found == {DEPLOY / network.name / f"{service}.env" for network in NETWORKS for service in KINDS}


@pytest.mark.parametrize(("file", "kind", "network"), FILES)
def test_it_loads_as_it_is(file: Path, kind: type[ChainSettings], network: Network) -> None:
    assert load_settings(kind, env_file=file).network == network


@pytest.mark.parametrize(("file", "kind", "network"), FILES)
def test_every_setting_is_shown_once_with_a_sentence_before_it(
    file: Path, kind: type[ChainSettings], network: Network
) -> None:
    text = file.read_text()
    assert sorted(match["key"] for match in _SETTING.finditer(text)) == sorted(
        name.upper() for name in kind.model_fields
    )
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if _SETTING.match(line):
            assert re.match(r"# \S.*[.]$", lines[number - 1]), f"{file.name}: no sentence before {line}"


@pytest.mark.parametrize(("file", "kind", "network"), FILES)
def test_what_it_shows_as_a_default_is_the_default(
    file: Path, kind: type[ChainSettings], network: Network, tmp_path: Path
) -> None:
    everything = tmp_path / "everything.env"
    everything.write_text(_SETTING.sub(r"\g<key>=\g<value>", file.read_text()))
    assert load_settings(kind, env_file=everything) == load_settings(kind, env_file=file)
    for match in _SETTING.finditer(file.read_text()):
        if match["shown"] and not match["value"]:
            assert kind.model_fields[match["key"].lower()].default is None


@pytest.mark.parametrize(("file", "kind", "network"), FILES)
@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("KALE_CONTRACT=C", "KALE_CONTRACT is unknown, did you mean KALE_CONTRACT_ID?"),
        ("BACKEND_ADRESS=x", "BACKEND_ADRESS is unknown, did you mean BACKEND_ADDRESS?"),
        ("KALEPOOL_COLOUR=green", "KALEPOOL_COLOUR is unknown"),
        ("HORIZON_URL=https://one.example", "HORIZON_URL is not used any more"),
    ],
)
def test_an_unknown_key_is_refused_by_name(
    file: Path, kind: type[ChainSettings], network: Network, line: str, text: str, tmp_path: Path
) -> None:
    longer = tmp_path / "longer.env"
    longer.write_text(f"{file.read_text()}{line}\n")
    with pytest.raises(StartupError) as caught:
        load_settings(kind, env_file=longer)
    assert text in str(caught.value)


def test_no_file_holds_a_secret() -> None:
    for file in DEPLOY.rglob("*.env"):
        for match in _SETTING.finditer(file.read_text()):
            if match["key"].endswith("_KEY"):
                assert match["value"] == ""
