"""Replays recorded scenarios through the host and compares every call with the record."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from stellar_sdk import scval, xdr

from kale.addresses import sc_address
from kale.farm import Block, Pail
from kale.storage import (
    block_data_key,
    decode_block,
    decode_farm,
    decode_pail,
    holding_key,
    pail_data_key,
)
from localnet.contracts.registry import find_program
from localnet.ledger import wire
from localnet.ledger.entries import MemoryEntries
from localnet.ledger.entry_keys import data_key_bytes, instance_key_bytes
from localnet.ledger.value_wire import encode_value
from localnet.recorded_text import readable, readable_field
from localnet.scenario import (
    Genesis,
    Scenario,
    ScenarioFileError,
    Step,
    read_scenarios,
)
from localnet.soroban.host import Host
from localnet.soroban.invocation import Invocation, RecordAuth

#: Differences that are printed; the rest is only counted.
MAX_PRINTED: Final = 20
_TEMPORARY: Final = xdr.ContractDataDurability.TEMPORARY


@dataclass(frozen=True)
class Difference:
    """One field in which a replayed call is not the recorded one."""

    field: str
    recorded: object
    replayed: object

    def __str__(self) -> str:
        recorded, replayed = readable(self.recorded), readable(self.replayed)
        if recorded == replayed:  # what differs is how it is encoded
            recorded, replayed = str(self.recorded), str(self.replayed)
        return f"{readable_field(self.field)}: recorded {recorded}, replayed {replayed}"


def replay(path: Path, console: Console) -> int:
    """Replays a file; prints the first differences and `N of M calls identical`.

    Returns 0 if everything is identical, 1 if anything differs, 2 for a file that
    holds no scenarios.
    """
    calls = identical = printed = endings = 0
    try:
        for scenario in read_scenarios(path):
            run = ScenarioReplay(scenario)
            for number, step in enumerate(scenario.steps, 1):
                differences = run.compare(step)
                calls += 1
                identical += not differences
                if differences and printed < MAX_PRINTED:
                    printed += 1
                    _print(console, f"{_title(scenario, step)}, call {number}", differences)
            ending = run.compare_ending()
            endings += bool(ending)
            if ending and printed < MAX_PRINTED:
                printed += 1
                _print(console, f"scenario {scenario.seed}, final entries", ending)
    except ScenarioFileError as error:
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        return 2
    if endings:
        console.print(f"{endings} scenarios end with other entries", highlight=False)
    console.print(f"{identical} of {calls} calls identical", highlight=False)
    return 0 if identical == calls and not endings else 1


class ScenarioReplay:
    """One scenario's chain, and its comparison call by call."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._entries = scenario.entries
        self._nonces = count()

    def __repr__(self) -> str:
        return f"ScenarioReplay({self._scenario.seed}, {self._entries!r})"

    def compare(self, step: Step) -> list[Difference]:
        """Runs a call, keeps its changes, and says in what it is not as recorded."""
        outcome = self._run(step)
        farmer = self._scenario.genesis.farmers[step.recorded["after"]["farmer"]]
        after = self._after(step, farmer)
        events = [wire.base64_text(event.encode()) for event in outcome.events]
        return [
            *_differences("result", _recorded_result(step), _result(outcome)),
            *_differences("after", step.recorded["after"], after),
            *_differences("auth", step.recorded["auth"], _authorized(step, outcome)),
            *_differences("events", step.recorded["events"], events),
        ]

    def compare_ending(self) -> list[Difference]:
        """The live entries of the farm after the last call, key by key."""
        recorded = {entry.get("key", "instance"): entry for entry in self._scenario.final_entries}
        return _differences("final_entries", recorded, self._ending())

    def _run(self, step: Step) -> Invocation:
        genesis = self._scenario.genesis
        auth = RecordAuth(source=genesis.homesteader, nonces=self._nonces.__next__)
        host = Host(self._entries, genesis.ledger(step.sequence, step.timestamp), auth, find_program)
        arguments = tuple(map(encode_value, step.arguments))
        outcome = host.invoke_root(genesis.farm, step.function, arguments)
        self._entries.apply(outcome.writes)
        return outcome

    def _after(self, step: Step, farmer: str) -> dict[str, Any]:
        genesis, recorded = self._scenario.genesis, step.recorded["after"]
        instance = self._entries.find(instance_key_bytes(genesis.farm))
        if instance is None or instance.data.contract_data is None:
            raise AssertionError("the farm's instance never expires within a scenario")
        farm = decode_farm(instance.data.contract_data.val)
        index = recorded["block_index"]
        block = self._value(block_data_key(index), step.sequence)
        pail = self._value(pail_data_key(farmer, index), step.sequence)
        return {
            "balance": str(stored_balance(self._entries, genesis, farmer)),
            "block": _block(decode_block(block)) if block is not None else None,
            "block_index": index,
            "farm_block": _block(farm.block),
            "farm_index": farm.index,
            "farmer": recorded["farmer"],
            "pail": _pail(decode_pail(pail)) if pail is not None else None,
        }

    def _value(self, key: xdr.SCVal, sequence: int) -> xdr.SCVal | None:
        entry = self._entries.find(data_key_bytes(self._scenario.genesis.farm, key, _TEMPORARY))
        if entry is None or not entry.is_live(sequence) or entry.data.contract_data is None:
            return None
        return entry.data.contract_data.val

    @property
    def _last_ledger(self) -> int:
        steps = self._scenario.steps
        return steps[-1].sequence if steps else self._scenario.genesis.sequence

    def _ending(self) -> dict[str, Mapping[str, Any]]:
        farm = sc_address(self._scenario.genesis.farm)
        ending: dict[str, Mapping[str, Any]] = {}
        for key, entry in self._entries.live(self._last_ledger).items():
            data = entry.data.contract_data
            if data is None or data.contract != farm:
                continue
            if data.val.instance is not None:
                storage = xdr.SCVal(xdr.SCValType.SCV_MAP, map=data.val.instance.storage)
                ending["instance"] = {"instance_storage": storage.to_xdr(), "live_until": entry.live_until}
            else:
                name = xdr.LedgerKey.from_xdr_bytes(key).to_xdr()
                ending[name] = {"key": name, "live_until": entry.live_until, "val": data.val.to_xdr()}
        return ending


def stored_balance(entries: MemoryEntries, genesis: Genesis, holder: str) -> int:
    """Stroops in a holder's entry, whichever kind it is; none without an entry."""
    key = holding_key(genesis.asset_contract, genesis.asset_code, genesis.asset_issuer, holder)
    entry = entries.find(key.to_xdr_bytes())
    if entry is None:
        return 0
    if entry.data.trust_line is not None:
        return entry.data.trust_line.balance.int64
    if entry.data.contract_data is None:
        raise AssertionError("a balance is a trustline or contract data")
    return scval.from_int128(scval.from_struct(entry.data.contract_data.val)["amount"])


def _recorded_result(step: Step) -> Mapping[str, Any]:
    """A host's own error is compared by its text, which names type and code."""
    result: Mapping[str, Any] = step.recorded["result"]
    error = result.get("error")
    if error is None or error.get("type") == "contract":
        return result
    return {"error": {"text": error["text"]}}


def _result(outcome: Invocation) -> dict[str, Any]:
    if outcome.failure is not None:
        code = outcome.failure.contract_code
        error: dict[str, Any] = {"text": outcome.failure.text}
        if code is not None:
            error |= {"type": "contract", "code": code}
        return {"error": error}
    value = outcome.value
    native = scval.to_native(value) if value is not None else None
    is_wide = value is not None and value.type is xdr.SCValType.SCV_I128
    return {"ok": str(native) if is_wide else native}


def _authorized(step: Step, outcome: Invocation) -> str | None:
    """What the farmer had to sign; the record has it for successful plants only."""
    if step.function != "plant" or outcome.failure is not None:
        return None
    return ",".join(entry.root_invocation.to_xdr() for entry in outcome.auth)


def _block(block: Block) -> dict[str, Any]:
    """In the record's form: what may exceed 53 bits is text."""
    return {
        "entropy": block.entropy.hex(),
        "max_gap": block.max_gap,
        "max_stake": str(block.max_stake),
        "max_zeros": block.max_zeros,
        "min_gap": block.min_gap,
        "min_stake": str(block.min_stake),
        "min_zeros": block.min_zeros,
        "normalized_total": str(block.normalized_total),
        "staked_total": str(block.staked_total),
        "timestamp": block.timestamp,
    }


def _pail(pail: Pail) -> dict[str, Any]:
    return {"gap": pail.gap, "sequence": pail.sequence, "stake": str(pail.stake), "zeros": pail.zeros}


def _differences(field: str, recorded: object, replayed: object) -> list[Difference]:
    """Down to the single fields in which two values are not equal."""
    if recorded == replayed:
        return []
    return list(_unequal(field, recorded, replayed))


def _unequal(field: str, recorded: object, replayed: object) -> Iterator[Difference]:
    if isinstance(recorded, Mapping) and isinstance(replayed, Mapping):
        for name in sorted({*recorded, *replayed}):
            yield from _differences(f"{field}.{name}", recorded.get(name), replayed.get(name))
    else:
        yield Difference(field, recorded, replayed)


def _title(scenario: Scenario, step: Step) -> str:
    parameters = ", ".join(f"{name}={value}" for name, value in step.parameters.items())
    return f"scenario {scenario.seed}, ledger {step.sequence}: {step.function}({parameters})"


def _print(console: Console, title: str, differences: Sequence[Difference]) -> None:
    console.print(title, markup=False, highlight=False, soft_wrap=True)
    for difference in differences:
        console.print(f"  {difference}", markup=False, highlight=False, soft_wrap=True)
