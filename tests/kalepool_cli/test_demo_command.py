from pathlib import Path

import pytest
from typer.testing import CliRunner

from kalepool_cli.demo.scenario import Options
from kalepool_cli.main import app
from pooler_svc.settings import PoolerSettings


@pytest.mark.parametrize("farmers", [1, 50, 51, 500])
def test_the_pooler_serves_as_many_farmers_as_play(farmers: int) -> None:
    values = {name.lower(): value for name, value in Options(1, farmers).pooler_settings().items()}
    settings = PoolerSettings.model_validate(
        {"stellar_network": "local", "rpc_url": "http://127.0.0.1:1", "pooler_api_key": "k", **values}
    )
    assert settings.max_farmers_capacity >= farmers


@pytest.mark.parametrize("target", ["no-such-folder/out.json", "."])
def test_a_file_for_the_figures_that_cannot_be_written_is_refused_before_anything_starts(
    tmp_path: Path, target: str
) -> None:
    data = tmp_path / "data"
    asked = ["demo", "--json", str(tmp_path / target), "--data", str(data)]
    refused = CliRunner().invoke(app, asked)
    assert refused.exit_code == 2
    assert "--json" in refused.output
    assert not data.exists()


@pytest.mark.parametrize(
    ("option", "text", "problem"),
    [
        ("--faults", "[[fault]]\nkind = 'garbage'\nodds = 1\n", "line 3"),
        ("--rivals", "[[rivals]]\nstrategy = 'lazy'\n", "line 2"),
    ],
)
def test_a_bad_days_file_that_the_localnet_would_refuse_is_refused_before_anything_starts(
    tmp_path: Path, option: str, text: str, problem: str
) -> None:
    file, data = tmp_path / "bad.toml", tmp_path / "data"
    file.write_text(text)
    refused = CliRunner().invoke(app, ["demo", option, str(file), "--data", str(data)])
    assert refused.exit_code == 2
    assert option in refused.output
    assert problem in " ".join(refused.output.split())
    assert not data.exists()


def test_a_folder_that_is_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    refused = CliRunner().invoke(app, ["demo", "--data", str(tmp_path)])
    assert refused.exit_code == 2
    assert "--data" in refused.output
