"""Recorded scenarios: their form in the file, and the chain state in which they start."""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from stellar_sdk import Asset, scval, xdr

from kale.addresses import account_key_bytes, address_value
from kale.constants import I64_MAX
from kale.storage import account_key, block_data_key, token_balance_data_key, trustline_key
from localnet.contracts.install import farm_entries, new_farm, token_entries
from localnet.contracts.token_state import encoded_balance
from localnet.ledger.accounts import (
    new_account,
    new_trustline,
    stored_account,
    stored_trustline,
    with_line_balance,
)
from localnet.ledger.entries import MemoryEntries, StoredEntry
from localnet.ledger.entry_keys import contract_data_entry, data_key_bytes
from localnet.network_settings import MAINNET_SETTINGS
from localnet.soroban.invocation import LedgerInfo

#: The recording host let entries live one ledger longer than mainnet's settings do.
RECORDED_LIFETIMES: Final = replace(
    MAINNET_SETTINGS.lifetimes, max_entry=MAINNET_SETTINGS.lifetimes.max_entry + 1
)

_GZIP_MAGIC: Final = b"\x1f\x8b"
_PERSISTENT: Final = xdr.ContractDataDurability.PERSISTENT


class ScenarioFileError(ValueError):
    """The file holds no scenarios; the text is one line for the person who gave it."""


@dataclass(frozen=True)
class Genesis:
    """Where a scenario starts."""

    passphrase: str
    farm: str
    asset_code: str
    asset_issuer: str
    asset_contract: str
    homesteader: str
    farm_index: int
    farmers: tuple[str, ...]
    balances: tuple[int, ...]
    sequence: int
    timestamp: int

    def ledger(self, sequence: int, close_time: int) -> LedgerInfo:
        """A ledger of the scenario's network."""
        return LedgerInfo(sequence, close_time, sha256(self.passphrase.encode()).digest(), RECORDED_LIFETIMES)


@dataclass(frozen=True)
class Step:
    """One recorded call and what the chain answered, as the file has it."""

    sequence: int
    timestamp: int
    function: str
    parameters: Mapping[str, Any]
    arguments: tuple[xdr.SCVal, ...]
    recorded: Mapping[str, Any]


@dataclass(frozen=True)
class Scenario:
    """One line of the file; `entries` is the state in which it starts, for one run."""

    seed: int
    genesis: Genesis
    entries: MemoryEntries
    steps: tuple[Step, ...]
    final_entries: tuple[Mapping[str, Any], ...]


def read_scenarios(path: Path) -> Iterator[Scenario]:
    """The scenarios of a JSON Lines file, gzipped or not; ScenarioFileError names the line."""
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if content[:2] == _GZIP_MAGIC else content).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ScenarioFileError(f"cannot read {path}: {error}") from error
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise ScenarioFileError(f"{path} holds no scenario")
    for number, line in lines:
        try:
            yield _scenario(json.loads(line))
        except (LookupError, TypeError, ValueError, AttributeError, StopIteration) as error:
            raise ScenarioFileError(f"{path}, line {number}: not a scenario ({error!r})") from error


def initial_entries(genesis: Genesis) -> MemoryEntries:
    """The ledger after the farm's constructor, with every farmer's balance."""
    ledger = genesis.ledger(genesis.sequence, genesis.timestamp)
    farm = new_farm(genesis.homesteader, genesis.asset_contract, genesis.timestamp, genesis.farm_index)
    issuer = new_account(account_key_bytes(genesis.asset_issuer), 0, 0)
    entries: dict[bytes, StoredEntry] = {
        account_key(genesis.asset_issuer).to_xdr_bytes(): stored_account(issuer, ledger.sequence),
        **farm_entries(genesis.farm, farm, ledger),
        **token_entries(
            genesis.asset_contract, genesis.asset_code, genesis.asset_issuer, genesis.farm, ledger
        ),
    }
    for farmer, balance in zip(genesis.farmers, genesis.balances, strict=True):
        key, entry = _holding(genesis, ledger, farmer, balance)
        entries[key] = entry
    return MemoryEntries(entries)


def _scenario(line: Mapping[str, Any]) -> Scenario:
    genesis = _genesis(line["genesis"])
    return Scenario(
        seed=line["seed"],
        genesis=genesis,
        entries=initial_entries(genesis),
        steps=tuple(_step(genesis, step) for step in line["steps"]),
        final_entries=tuple(line["final_entries"]),
    )


def _genesis(genesis: Mapping[str, Any]) -> Genesis:
    return Genesis(
        passphrase=genesis["passphrase"],
        farm=genesis["farm"],
        asset_code=genesis["asset_code"],
        asset_issuer=genesis["asset_issuer"],
        asset_contract=genesis["asset_contract"],
        homesteader=genesis["homesteader"],
        farm_index=genesis["farm_index"],
        farmers=tuple(genesis["farmers"]),
        balances=tuple(int(balance) for balance in genesis["balances"]),
        sequence=genesis["sequence"],
        timestamp=genesis["timestamp"],
    )


def _step(genesis: Genesis, step: Mapping[str, Any]) -> Step:
    function, parameters = next(iter(step["call"].items()))
    missing = [name for name in ("result", "auth", "events", "after") if name not in step]
    if missing:
        raise ValueError(f"a step without {', '.join(missing)}")
    _farmer(genesis, step["after"]["farmer"])
    block_data_key(step["after"]["block_index"])
    arguments = tuple(_arguments(genesis, parameters))
    return Step(int(step["sequence"]), int(step["timestamp"]), function, parameters, arguments, step)


def _holding(genesis: Genesis, ledger: LedgerInfo, farmer: str, balance: int) -> tuple[bytes, StoredEntry]:
    if farmer.startswith("C"):
        key = token_balance_data_key(farmer)
        value = encoded_balance(balance, authorized=True, clawback=False)
        data = contract_data_entry(genesis.asset_contract, key, _PERSISTENT, value)
        encoded = data_key_bytes(genesis.asset_contract, key, _PERSISTENT)
        return encoded, StoredEntry(data, ledger.sequence, ledger.new_live_until(temporary=False))
    asset = Asset(genesis.asset_code, genesis.asset_issuer).to_xdr_object()
    line = new_trustline(account_key_bytes(farmer), asset, I64_MAX, xdr.TrustLineFlags.AUTHORIZED_FLAG.value)
    key_bytes = trustline_key(genesis.asset_code, genesis.asset_issuer, farmer).to_xdr_bytes()
    return key_bytes, stored_trustline(with_line_balance(line, balance), ledger.sequence)


def _farmer(genesis: Genesis, position: int) -> str:
    if position not in range(len(genesis.farmers)):
        raise ValueError(f"farmer is {position}, there are {len(genesis.farmers)}")
    return genesis.farmers[position]


def _arguments(genesis: Genesis, given: Mapping[str, Any]) -> Iterator[xdr.SCVal]:
    """The arguments of a recorded call, in the order of the contract's functions."""
    if "farmer" in given:
        yield address_value(_farmer(genesis, given["farmer"]))
    if "amount" in given:
        yield scval.to_int128(int(given["amount"]))
    if "hash" in given:
        yield scval.to_bytes(bytes.fromhex(given["hash"]))
    if "nonce" in given:
        yield scval.to_uint64(int(given["nonce"]))
    if "index" in given:
        yield scval.to_uint32(given["index"])
