import traceback
from pathlib import Path

import pytest

from backend_svc.settings import BackendSettings
from pooler_svc.settings import PoolerSettings
from poolkit.settings import load_settings
from poolkit.startup_error import StartupError

CHAIN = "STELLAR_NETWORK=local\nRPC_URL=http://127.0.0.1:8000\n"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (BackendSettings, PoolerSettings):
        for name in kind.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)


def env_file(folder: Path, *lines: str) -> Path:
    file = folder / "backend.env"
    file.write_text(CHAIN + "".join(f"{line}\n" for line in lines))
    return file


def test_defaults_are_those_of_the_design(tmp_path: Path) -> None:
    defaults = load_settings(BackendSettings, env_file=env_file(tmp_path))
    assert defaults.backend_port == 3000
    assert defaults.db_pool_size == 20
    assert defaults.max_farmers_per_pooler == 100
    assert defaults.max_plant_batch_size == 50
    assert defaults.max_harvest_batch_size == 20
    assert defaults.plant_timeout_seconds == 30
    assert defaults.harvest_timeout_seconds == 45
    assert defaults.harvest_interval_seconds == 30
    assert defaults.recovery_max_attempts == 3
    assert defaults.api_key_length == 32


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://pool:secret@db.example.org:5432/kalepool?sslmode=require",
        "postgres://pool@/kalepool?host=/var/run/postgresql",
    ],
)
def test_a_postgresql_url_is_taken_as_it_is(tmp_path: Path, url: str) -> None:
    settings = load_settings(BackendSettings, env_file=env_file(tmp_path, f"DATABASE_URL={url}"))
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == url


@pytest.mark.parametrize(
    "url",
    [
        "mysql://pool:hunter2@db/kalepool",
        "nonsense",
        "host=db dbname=kalepool user=pool password=hunter2",
        "postgresql://pool:hunter2@db/kalepool?no_such_option=1",
        "postgresql://pool:hunter2@[db/kalepool",
    ],
)
def test_another_database_url_is_refused_in_one_line_without_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(StartupError, match="DATABASE_URL: must be a PostgreSQL URL") as refused:
        load_settings(BackendSettings, env_file=env_file(tmp_path, f"DATABASE_URL={url}"))
    assert "hunter2" not in "".join(traceback.format_exception_only(refused.value))
    assert "\n" not in str(refused.value)


def test_both_services_may_share_a_file(tmp_path: Path) -> None:
    shared = env_file(
        tmp_path,
        "BACKEND_HOST=127.0.0.1",
        "BACKEND_PORT=3005",
        f"BACKEND_DATA_DIR={tmp_path}",
        "BACKEND_ADDRESS=127.0.0.1:3005",
        "POOLER_PORT=3006",
        "POOLER_API_KEY_FILE=pooler.key",
    )
    assert load_settings(BackendSettings, env_file=shared).backend_port == 3005
    assert load_settings(PoolerSettings, env_file=shared).backend_address == "127.0.0.1:3005"


def test_the_master_key_has_one_source(tmp_path: Path) -> None:
    both = env_file(tmp_path, "MASTER_KEY=aaaa", "MASTER_KEY_FILE=master.key")
    with pytest.raises(StartupError, match="MASTER_KEY and MASTER_KEY_FILE are both set; keep one"):
        load_settings(BackendSettings, env_file=both)
