"""The network's settings: what ships, what a file may say, and what it is told when it is wrong."""

from dataclasses import replace
from pathlib import Path

import pytest
from stellar_sdk import xdr

from kale.networks import LOCAL
from localnet.chain.chain import new_chain
from localnet.network_settings import (
    MAINNET_SETTINGS,
    load_network_settings,
    parse_network_settings,
)
from poolkit.startup_error import StartupError
from tests.localnet.conftest import START_TIME


def test_mainnet_is_what_the_laboratory_lists() -> None:
    settings = load_network_settings("mainnet")
    assert settings is MAINNET_SETTINGS
    assert (settings.protocol_version, settings.close_milliseconds) == (29, 5_000)
    assert (settings.transaction.instructions, settings.transaction.memory_bytes) == (400_000_000, 41_943_040)
    assert (settings.ledger.cluster_instructions, settings.ledger.clusters) == (580_000_000, 2)
    assert (settings.ledger.write_bytes, settings.ledger.size_bytes) == (286_720, 266_240)
    assert settings.lifetimes.min_temporary == 17_280
    assert settings.rates.rent_1kb == 1_000


def test_testnet_differs_in_lifetimes_state_and_number_of_calls() -> None:
    testnet = load_network_settings("testnet")
    assert (testnet.lifetimes.min_temporary, testnet.lifetimes.min_persistent) == (720, 120_960)
    assert testnet.ledger == replace(MAINNET_SETTINGS.ledger, soroban_transactions=2_000)
    assert testnet.rates == replace(MAINNET_SETTINGS.rates, state_target_bytes=4_000_000_000)


def test_a_file_says_only_what_differs_from_mainnet(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text("base_fee_stroops = 200\n[ledger]\nclusters = 1\n")
    assert load_network_settings(str(path)) == replace(
        MAINNET_SETTINGS, base_fee_stroops=200, ledger=replace(MAINNET_SETTINGS.ledger, clusters=1)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[ledger]\nclusterz = 1", r"x\.toml: ledger\.clusterz is unknown, did you mean clusters\?"),
        ("colour = 1", r"x\.toml: colour is unknown$"),
        ("[ledger]\nclusters = 0", r"x\.toml: ledger\.clusters is 0, must be between 1 and 128"),
        (
            "[rates]\nwrite_1kb = 4294967296",
            r"rates\.write_1kb is 4294967296, must be between 0 and 4294967295",
        ),
        ("[rates]\nwrite_1kb = true", r"rates\.write_1kb is True, must be an integer between 0 and"),
        ("[rates]\nwrite_1kb = '9'", r"rates\.write_1kb is '9', must be an integer"),
        ("rates = 5", r"rates is 5, must be a table"),
        ("protocol_version = 5", r"protocol_version is 5, must be between 23 and 99"),
        ("[ledger]\nclusters 5", r"x\.toml: .*at line 2"),
        ("protocol_version = " + "9" * 5_000, r"x\.toml: Exceeds the limit"),
        ("protocol_version = " + "[" * 5_000, r"x\.toml: maximum recursion depth"),
    ],
)
def test_what_a_file_may_not_say_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(StartupError, match=message):
        parse_network_settings(text, "x.toml")


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="neither one of mainnet, testnet nor a file"):
        load_network_settings(str(tmp_path / "missing.toml"))


@pytest.mark.parametrize(
    ("state_bytes", "stroops"),
    [
        (0, 1_000),  # the least, far above the curve's -17,000
        (2_000_000_000, 1_000),  # exactly the curve: -17,000 + 27,000 × 2/3
        (2_000_000_001, 1_001),  # rounded up
        (3_000_000_000, 10_000),
        (3_000_000_001, 10_001),
        (3_001_000_000, 55_000),  # 5,000 times as steep
    ],
)
def test_rent_rises_with_the_size_of_the_state(state_bytes: int, stroops: int) -> None:
    assert replace(MAINNET_SETTINGS.rates, state_bytes=state_bytes).rent_1kb == stroops


def test_headers_tell_the_protocol_version_of_the_settings() -> None:
    chain = new_chain(LOCAL, MAINNET_SETTINGS.with_protocol(30), START_TIME, 100)
    header = xdr.LedgerHeader.from_xdr_bytes(chain.close_ledger().header)
    assert header.ledger_version.uint32 == 30


def test_close_times_are_whole_seconds_that_keep_the_pace() -> None:
    chain = new_chain(LOCAL, replace(MAINNET_SETTINGS, close_milliseconds=4_400), START_TIME, 100)
    closed = [chain.close_ledger().close_time - START_TIME for _ in range(5)]
    assert closed == [4, 8, 13, 17, 22]
