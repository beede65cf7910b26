"""The Backend's settings: environment and `.env` file. Durations are chain seconds unless named otherwise."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

import psycopg2
import psycopg2.extensions
from pydantic import Field, SecretStr, field_validator, model_validator

from poolkit.settings import ChainSettings


class BackendSettings(ChainSettings):
    """Where the Backend listens, where its data and keys are, and how much it does at a time."""

    prefixes: ClassVar[tuple[str, ...]] = (*ChainSettings.prefixes, "BACKEND_")
    keys_of_others: ClassVar[frozenset[str]] = frozenset({*ChainSettings.keys_of_others, "BACKEND_ADDRESS"})
    dropped_keys: ClassVar[Mapping[str, str]] = {
        **ChainSettings.dropped_keys,
        "JWT_SECRET": "callers have API keys: see ADMIN_KEY_FILE and `kalepool admin`",
        "POOLER_AUTH_TOKEN": "each pooler has a key of its own: `kalepool admin create-pooler`",
        "FARMER_SECRET": "the Backend makes the farmers' keys and seals them under MASTER_KEY",
    }

    backend_host: str = "127.0.0.1"
    backend_port: int = Field(default=3000, ge=0, le=65_535)
    database_url: SecretStr | None = None
    backend_data_dir: Path | None = None
    db_pool_size: int = Field(default=20, ge=2, le=200)
    master_key: SecretStr | None = None
    master_key_file: Path | None = None
    admin_key_file: Path | None = None
    api_key_length: int = Field(default=32, ge=32, le=128)

    max_farmers_per_pooler: int = Field(default=100, ge=1, le=1_000)
    max_plant_batch_size: int = Field(default=50, ge=1, le=500)
    max_harvest_batch_size: int = Field(default=20, ge=1, le=500)
    plant_timeout_seconds: int = Field(default=30, ge=5, le=300)
    harvest_timeout_seconds: int = Field(default=45, ge=5, le=3_600)
    harvest_interval_seconds: int = Field(default=30, ge=5, le=3_600)
    work_guard_seconds: int = Field(default=15, ge=5, le=120)
    recovery_max_attempts: int = Field(default=3, ge=1, le=20)
    resume_interval_seconds: int = Field(default=30, ge=5, le=3_600)
    inclusion_fee_stroops: int = Field(default=1_000, ge=100, le=10_000_000)
    farmer_fee_balance_stroops: int = Field(default=10_000_000, ge=0, le=10**12)

    drain_wall_seconds: float = Field(default=10.0, gt=0, le=600)
    settle_wall_seconds: float = Field(default=6.0, ge=0, le=600)

    @field_validator("database_url")
    @classmethod
    def _postgresql_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _is_postgresql_url(value.get_secret_value()):
            # The driver's own text may quote the password.
            raise ValueError("must be a PostgreSQL URL, postgresql://USER:PASSWORD@HOST:PORT/NAME")
        return value

    @model_validator(mode="after")
    def _one_source_of_the_master_key(self) -> Self:
        if self.master_key is not None and self.master_key_file is not None:
            raise ValueError("MASTER_KEY and MASTER_KEY_FILE are both set; keep one")
        return self

    @property
    def data_dir(self) -> Path:
        """Where the Backend keeps its key files unless told otherwise."""
        return self.backend_data_dir or Path.home() / ".local" / "share" / "kalepool" / "backend"

    @property
    def admin_key_path(self) -> Path:
        return self.admin_key_file or self.data_dir / "admin.key"

    @property
    def master_key_path(self) -> Path | None:
        """On a local network a key file is made where none is named; elsewhere one must be named."""
        if self.master_key_file is None and self.stellar_network == "local":
            return self.data_dir / "master.key"
        return self.master_key_file


def _is_postgresql_url(text: str) -> bool:
    try:
        psycopg2.extensions.parse_dsn(text)
    except psycopg2.ProgrammingError:
        return False
    return text.startswith(("postgresql://", "postgres://"))
