"""Settings of a service: from the environment and a `.env` file, each key known, each fault one line."""

import difflib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal, Self, TypeVar, get_args
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict
from stellar_sdk import StrKey

from kale.networks import Network, network_by_name
from poolkit.lifecycle import DEFAULT_SHUTDOWN_WALL_SECONDS
from poolkit.logs import LEVELS
from poolkit.redaction import REDACTED, redact
from poolkit.startup_error import StartupError

DEFAULT_ENV_FILE = Path(".env")


class ServiceSettings(BaseSettings):
    """What every service of the pool has. The environment wins over the `.env` file.

    The key of a field is its name in capitals. `prefixes` are those in which an unknown key is
    refused; `keys_of_others` are known to other services that may share the file; `dropped_keys`
    maps keys of earlier systems to what stands in their place.
    """

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    prefixes: ClassVar[tuple[str, ...]] = ("KALEPOOL_", "KALE_")
    keys_of_others: ClassVar[frozenset[str]] = frozenset({"KALE_MINER_ISA", "KALE_MINER_TEST_WITHOUT"})
    dropped_keys: ClassVar[Mapping[str, str]] = {
        "STELLAR_RPC_URL": "use RPC_URL",
        "SOROBAN_RPC_URL": "use RPC_URL",
        "HORIZON_URL": "everything is read over RPC_URL",
        "CONTRACT_ID": "use KALE_CONTRACT_ID",
        "LAUNCHTUBE_URL": "the Backend sends its transactions itself, over RPC_URL",
        "LAUNCHTUBE_JWT": "the Backend sends its transactions itself, over RPC_URL",
    }

    log_level: str = "INFO"
    log_file: Path | None = None
    shutdown_wall_seconds: float = Field(default=DEFAULT_SHUTDOWN_WALL_SECONDS, gt=0, le=600)

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, level: str) -> str:
        if level.upper() not in LEVELS:
            raise ValueError(f"must be one of {', '.join(LEVELS)}")
        return level.upper()


class ChainSettings(ServiceSettings):
    """What a service that talks to the chain has besides."""

    stellar_network: Literal["mainnet", "testnet", "local"]
    rpc_url: str
    network_passphrase: str | None = None
    kale_contract_id: str | None = None
    rpc_call_wall_seconds: float = Field(default=10.0, gt=0, le=120)

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        """Stellar RPC endpoints, the preferred one first."""
        return tuple(url.strip() for url in self.rpc_url.split(",") if url.strip())

    @property
    def network(self) -> Network:
        """The network, with the passphrase and farm contract of the settings where they are given."""
        known = network_by_name(self.stellar_network)
        return replace(
            known,
            passphrase=self.network_passphrase or known.passphrase,
            farm_contract_id=self.kale_contract_id or known.farm_contract_id,
        )

    @field_validator("rpc_url")
    @classmethod
    def _http_urls(cls, value: str) -> str:
        urls = [url.strip() for url in value.split(",") if url.strip()]
        if not urls or not all(_is_http_url(url) for url in urls):
            raise ValueError("must be one or more http:// or https:// addresses, separated by commas")
        return value

    @field_validator("kale_contract_id")
    @classmethod
    def _contract_address(cls, value: str | None) -> str | None:
        if value is not None and not StrKey.is_valid_contract(value):
            raise ValueError("must be a contract address (C…)")
        return value

    @model_validator(mode="after")
    def _passphrase_fits_network(self) -> Self:
        expected = network_by_name(self.stellar_network).passphrase
        if self.stellar_network != "local" and self.network_passphrase not in (None, expected):
            raise ValueError(f"NETWORK_PASSPHRASE is not that of {self.stellar_network} ({expected!r})")
        return self


S = TypeVar("S", bound=ServiceSettings)


def load_settings(kind: type[S], *, env_file: Path | None = DEFAULT_ENV_FILE) -> S:
    """The settings of a service. Raises StartupError, one line that names each key at fault."""
    if env_file is not None and env_file != DEFAULT_ENV_FILE and not env_file.is_file():
        raise StartupError(f"there is no settings file {env_file}")
    from_file = _read(env_file) if env_file is not None and env_file.is_file() else {}
    faults = _key_faults(kind, sorted({*from_file, *os.environ}))
    if faults:
        raise StartupError("configuration: " + "; ".join(faults))
    try:
        return kind(_env_file=env_file)
    except ValidationError as error:
        raise StartupError("configuration: " + "; ".join(_value_faults(kind, error))) from None


def _is_http_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        # Reading the port is what checks it.
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _read(env_file: Path) -> Mapping[str, str | None]:
    try:
        return dotenv_values(env_file)
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"the settings file {env_file} can't be read: {error}") from error


def _key_faults(kind: type[ServiceSettings], keys: list[str]) -> list[str]:
    known = {name.upper() for name in kind.model_fields} | kind.keys_of_others
    faults = [
        f"{key} is not used any more: {kind.dropped_keys[key]}" for key in keys if key in kind.dropped_keys
    ]
    for key in keys:
        if (
            key.upper().startswith(kind.prefixes)
            and key.upper() not in known
            and key not in kind.dropped_keys
        ):
            close = difflib.get_close_matches(key.upper(), known, n=1, cutoff=0.75)
            faults.append(f"{key} is unknown" + (f", did you mean {close[0]}?" if close else ""))
    return faults


def _value_faults(kind: type[ServiceSettings], error: ValidationError) -> list[str]:
    return [_value_fault(kind, fault) for fault in error.errors()]


def _value_fault(kind: type[ServiceSettings], fault: ErrorDetails) -> str:
    text = fault["msg"].removeprefix("Value error, ")
    # A rule over several fields names them itself; its input is all of the settings.
    if not fault["loc"]:
        return text
    name = str(fault["loc"][0])
    key = name.upper()
    if fault["type"] == "missing":
        return f"{key} is missing"
    annotation = kind.model_fields[name].annotation
    is_secret = SecretStr in (annotation, *get_args(annotation))
    value = REDACTED if is_secret else redact(fault["input"], key)
    return f"{key}: {text[:1].lower()}{text[1:]} (got {value!r})"
