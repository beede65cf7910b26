"""The list of RPCs that aren't served yet only shrinks."""

from pathlib import Path

from poolkit.unimplemented import UNIMPLEMENTED
from tests.contracts.methods import METHOD_NAMES

# What the list held when it was last reviewed. Lines only ever leave this file.
_BASELINE = Path(__file__).with_name("unimplemented_baseline.txt")


def _reviewed() -> set[str]:
    return set(_BASELINE.read_text().split())


def test_the_list_does_not_grow() -> None:
    added = UNIMPLEMENTED - _reviewed()
    assert not added, "serve it, or take it out of the protos"


def test_what_is_served_now_leaves_the_baseline_too() -> None:
    """Otherwise it could come back unseen."""
    served = _reviewed() - UNIMPLEMENTED
    assert not served, f"delete these lines from {_BASELINE.name}"


def test_every_name_is_an_rpc() -> None:
    unknown = UNIMPLEMENTED - METHOD_NAMES
    assert not unknown


def test_each_service_but_the_miners_serves_something() -> None:
    served = {name.split("/")[0] for name in METHOD_NAMES - UNIMPLEMENTED}
    declared = {name.split("/")[0] for name in METHOD_NAMES}
    assert declared - served == {"kalepool.v1.MinerService"}
