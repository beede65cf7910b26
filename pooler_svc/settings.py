"""The Pooler's settings: environment and `.env` file. Durations are chain seconds unless named otherwise."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from kale.constants import LEDGER_SECONDS
from miner_ext import isas
from miner_ext.scheduling import NICEST, parse_cpus
from pooler_svc.hashers.command import DEFAULT_NONCE_COUNT, DEFAULT_RUN_WALL_SECONDS
from pooler_svc.hashers.command_lines import CommandStyle, split_command
from poolkit.settings import ChainSettings
from poolkit.startup_error import StartupError

_SECONDS_A_MINUTE = 60


class PoolerSettings(ChainSettings):
    """Where the Pooler listens, whom it asks, and when it does what."""

    prefixes: ClassVar[tuple[str, ...]] = (*ChainSettings.prefixes, "POOLER_", "BACKEND_", "HASHER_")
    keys_of_others: ClassVar[frozenset[str]] = frozenset(
        {*ChainSettings.keys_of_others, "BACKEND_HOST", "BACKEND_PORT", "BACKEND_DATA_DIR"}
    )
    dropped_keys: ClassVar[Mapping[str, str]] = {
        **ChainSettings.dropped_keys,
        "BACKEND_URL": "use BACKEND_ADDRESS (host:port)",
        "BACKEND_API_URL": "use BACKEND_ADDRESS (host:port)",
        "POOLER_AUTH_TOKEN": "use POOLER_API_KEY or POOLER_API_KEY_FILE",
        "POOLER_ID": "the API key says which pooler this is",
        "FARMER_SECRET": "the Pooler needs no keys; the Backend keeps them",
    }

    pooler_host: str = "127.0.0.1"
    pooler_port: int = Field(default=3001, ge=0, le=65_535)
    backend_address: str = "127.0.0.1:3000"
    pooler_api_key: SecretStr | None = None
    pooler_api_key_file: Path | None = None
    pooler_operator_key: SecretStr | None = None
    pooler_operator_key_file: Path | None = None

    work_delay_minutes: float = Field(default=4.7, gt=0, le=10)
    block_poll_interval_seconds: float = Field(default=5.0, ge=1, le=300)
    candidate_interval_seconds: float = Field(default=20.0, ge=1, le=300)
    plant_hold_seconds: float = Field(default=30.0, ge=0, le=300)
    plant_retry_seconds: float = Field(default=2.0 * LEDGER_SECONDS, ge=1, le=300)
    harvest_interval_seconds: float = Field(default=30.0, ge=1, le=3_600)
    farmers_refresh_seconds: float = Field(default=30.0, ge=1, le=3_600)
    max_farmers_capacity: int = Field(default=50, ge=1, le=1_000)
    hasher_threads: int | None = Field(default=None, ge=1, le=1_024)
    hasher_cpus: str | None = None
    hasher_nice: int = Field(default=NICEST, ge=0, le=NICEST)
    kale_miner_isa: str | None = None
    hasher_command: str | None = None
    hasher_command_style: CommandStyle = CommandStyle.RANGE
    hasher_command_nonces: int = Field(default=DEFAULT_NONCE_COUNT, ge=1, le=1_000_000_000_000)
    hasher_command_wall_seconds: float = Field(default=DEFAULT_RUN_WALL_SECONDS, ge=0.1, le=600)

    backend_call_wall_seconds: float = Field(default=10.0, gt=0, le=120)
    drain_wall_seconds: float = Field(default=10.0, gt=0, le=600)

    @property
    def work_delay_seconds(self) -> float:
        """From a block's timestamp to the submission of its works."""
        return self.work_delay_minutes * _SECONDS_A_MINUTE

    def api_key(self) -> str:
        """The key towards the Backend. Raises StartupError if its file can't be read."""
        return _secret(self.pooler_api_key, self.pooler_api_key_file, "POOLER_API_KEY")

    def operator_keys(self) -> tuple[str, ...]:
        """The keys that open PoolerService: the pooler's own, and the operator's where one is set."""
        if self.pooler_operator_key is None and self.pooler_operator_key_file is None:
            return (self.api_key(),)
        operator = _secret(self.pooler_operator_key, self.pooler_operator_key_file, "POOLER_OPERATOR_KEY")
        return (self.api_key(), operator)

    @field_validator("hasher_cpus")
    @classmethod
    def _cpus_usable_here(cls, cpus: str | None) -> str | None:
        if cpus is not None:
            parse_cpus(cpus)
        return cpus

    @field_validator("kale_miner_isa")
    @classmethod
    def _instruction_set_of_this_machine(cls, isa: str | None) -> str | None:
        if isa is not None and isa not in isas():
            raise ValueError(f"must be one of {', '.join(isas())}")
        return isa

    @field_validator("hasher_command")
    @classmethod
    def _words_of_a_command(cls, command: str | None) -> str | None:
        if command is not None:
            split_command(command)
        return command

    @model_validator(mode="after")
    def _one_source_a_key(self) -> Self:
        if self.pooler_api_key is None and self.pooler_api_key_file is None:
            raise ValueError(
                "POOLER_API_KEY or POOLER_API_KEY_FILE is missing (scripts/create-pooler makes one)"
            )
        if self.pooler_api_key is not None and self.pooler_api_key_file is not None:
            raise ValueError("POOLER_API_KEY and POOLER_API_KEY_FILE are both set; keep one")
        if self.pooler_operator_key is not None and self.pooler_operator_key_file is not None:
            raise ValueError("POOLER_OPERATOR_KEY and POOLER_OPERATOR_KEY_FILE are both set; keep one")
        return self


def _secret(value: SecretStr | None, file: Path | None, name: str) -> str:
    """The secret itself, or the content of its file without outer blanks. Raises StartupError."""
    secret = _read(file, name) if value is None else value.get_secret_value()
    # It travels in gRPC metadata, which takes nothing else.
    if not all("!" <= character <= "~" for character in secret):
        raise StartupError(f"{name} must have letters, digits and signs of ASCII only, without blanks")
    return secret


def _read(file: Path | None, name: str) -> str:
    assert file is not None
    try:
        secret = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"{name}_FILE {file} can't be read: {error}") from error
    if not secret:
        raise StartupError(f"{name}_FILE {file} is empty")
    return secret
