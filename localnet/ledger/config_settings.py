"""The network's settings as ledger entries: what the Laboratory, the CLI and SDKs read limits and fees from.

Served beside the state, not in it: no transaction can touch them. The cost parameters of Wasm's metering
have no entries here, for no Wasm runs; the deltas (CAP-77) are forms of an upgrade and never entries.
"""

from collections.abc import Iterable, Mapping

from stellar_sdk import xdr
from stellar_sdk.xdr import ConfigSettingID, Int64, Uint32, Uint64

from localnet.ledger.entries import StoredEntry
from localnet.network_settings import NetworkSettings

_FIRST_LEDGER = 1
#: What the network's settings files of this package leave out, as on mainnet (stellar-core's settings files).
_MAX_ENTRIES_TO_ARCHIVE = 1_000
_STATE_SIZE_SAMPLES = 30
_STATE_SIZE_SAMPLE_LEDGERS = 64
_EVICTION_SCAN_BYTES = 500_000
_EVICTION_SCAN_LEVEL = 7
_SCP_TIMEOUT_MILLISECONDS = 1_000


def config_setting_entries(settings: NetworkSettings) -> Mapping[bytes, StoredEntry]:
    """All settings by their LedgerKey XDR."""
    entries = {}
    for setting in _settings(settings):
        key = xdr.LedgerKey(
            xdr.LedgerEntryType.CONFIG_SETTING,
            config_setting=xdr.LedgerKeyConfigSetting(setting.config_setting_id),
        )
        data = xdr.LedgerEntryData(xdr.LedgerEntryType.CONFIG_SETTING, config_setting=setting)
        entries[key.to_xdr_bytes()] = StoredEntry(data, _FIRST_LEDGER, None)
    return entries


def _settings(settings: NetworkSettings) -> Iterable[xdr.ConfigSettingEntry]:
    yield from _sizes(settings)
    yield from _costs(settings)
    yield from _events_and_bandwidth(settings)
    yield from _archival(settings)
    yield from _ledgers(settings)


def _sizes(settings: NetworkSettings) -> Iterable[xdr.ConfigSettingEntry]:
    limits = settings.transaction
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_CONTRACT_MAX_SIZE_BYTES,
        contract_max_size_bytes=Uint32(limits.wasm_bytes),
    )
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_CONTRACT_DATA_KEY_SIZE_BYTES,
        contract_data_key_size_bytes=Uint32(limits.key_bytes),
    )
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_CONTRACT_DATA_ENTRY_SIZE_BYTES,
        contract_data_entry_size_bytes=Uint32(limits.entry_bytes),
    )


def _costs(settings: NetworkSettings) -> Iterable[xdr.ConfigSettingEntry]:
    limits, ledger, rates = settings.transaction, settings.ledger, settings.rates
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_CONTRACT_COMPUTE_V0,
        contract_compute=xdr.ConfigSettingContractComputeV0(
            ledger_max_instructions=Int64(ledger.cluster_instructions),
            tx_max_instructions=Int64(limits.instructions),
            fee_rate_per_instructions_increment=Int64(rates.per_10_000_instructions),
            tx_memory_limit=Uint32(limits.memory_bytes),
        ),
    )
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_CONTRACT_LEDGER_COST_V0,
        contract_ledger_cost=xdr.ConfigSettingContractLedgerCostV0(
            ledger_max_disk_read_entries=Uint32(ledger.disk_read_entries),
            ledger_max_disk_read_bytes=Uint32(ledger.disk_read_bytes),
            ledger_max_write_ledger_entries=Uint32(ledger.write_entries),
            ledger_max_write_bytes=Uint32(ledger.write_bytes),
            tx_max_disk_read_entries=Uint32(limits.disk_read_entries),
            tx_max_disk_read_bytes=Uint32(limits.disk_read_bytes),
            tx_max_write_ledger_entries=Uint32(limits.write_entries),
            tx_max_write_bytes=Uint32(limits.write_bytes),
            fee_disk_read_ledger_entry=Int64(rates.disk_read_entry),
            fee_write_ledger_entry=Int64(rates.write_entry),
            fee_disk_read1_kb=Int64(rates.disk_read_1kb),
            soroban_state_target_size_bytes=Int64(rates.state_target_bytes),
            rent_fee1_kb_soroban_state_size_low=Int64(rates.rent_1kb_low),
            rent_fee1_kb_soroban_state_size_high=Int64(rates.rent_1kb_high),
            soroban_state_rent_fee_growth_factor=Uint32(rates.state_growth_factor),
        ),
    )
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_CONTRACT_LEDGER_COST_EXT_V0,
        contract_ledger_cost_ext=xdr.ConfigSettingContractLedgerCostExtV0(
            tx_max_footprint_entries=Uint32(limits.footprint_entries),
            fee_write1_kb=Int64(rates.write_1kb),
        ),
    )


def _events_and_bandwidth(settings: NetworkSettings) -> Iterable[xdr.ConfigSettingEntry]:
    limits, rates = settings.transaction, settings.rates
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_CONTRACT_HISTORICAL_DATA_V0,
        contract_historical_data=xdr.ConfigSettingContractHistoricalDataV0(Int64(rates.historical_1kb)),
    )
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_CONTRACT_EVENTS_V0,
        contract_events=xdr.ConfigSettingContractEventsV0(
            tx_max_contract_events_size_bytes=Uint32(limits.events_bytes),
            fee_contract_events1_kb=Int64(rates.events_1kb),
        ),
    )
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_CONTRACT_BANDWIDTH_V0,
        contract_bandwidth=xdr.ConfigSettingContractBandwidthV0(
            ledger_max_txs_size_bytes=Uint32(settings.ledger.size_bytes),
            tx_max_size_bytes=Uint32(limits.size_bytes),
            fee_tx_size1_kb=Int64(rates.transaction_size_1kb),
        ),
    )


def _archival(settings: NetworkSettings) -> Iterable[xdr.ConfigSettingEntry]:
    lifetimes, rates = settings.lifetimes, settings.rates
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_STATE_ARCHIVAL,
        state_archival_settings=xdr.StateArchivalSettings(
            max_entry_ttl=Uint32(lifetimes.max_entry),
            min_temporary_ttl=Uint32(lifetimes.min_temporary),
            min_persistent_ttl=Uint32(lifetimes.min_persistent),
            persistent_rent_rate_denominator=Int64(rates.persistent_rent_denominator),
            temp_rent_rate_denominator=Int64(rates.temporary_rent_denominator),
            max_entries_to_archive=Uint32(_MAX_ENTRIES_TO_ARCHIVE),
            live_soroban_state_size_window_sample_size=Uint32(_STATE_SIZE_SAMPLES),
            live_soroban_state_size_window_sample_period=Uint32(_STATE_SIZE_SAMPLE_LEDGERS),
            eviction_scan_size=Uint32(_EVICTION_SCAN_BYTES),
            starting_eviction_scan_level=Uint32(_EVICTION_SCAN_LEVEL),
        ),
    )
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_LIVE_SOROBAN_STATE_SIZE_WINDOW,
        live_soroban_state_size_window=[Uint64(rates.state_bytes)] * _STATE_SIZE_SAMPLES,
    )
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_EVICTION_ITERATOR,
        eviction_iterator=xdr.EvictionIterator(Uint32(_EVICTION_SCAN_LEVEL), True, Uint64(0)),
    )


def _ledgers(settings: NetworkSettings) -> Iterable[xdr.ConfigSettingEntry]:
    timeout = Uint32(_SCP_TIMEOUT_MILLISECONDS)
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_CONTRACT_EXECUTION_LANES,
        contract_execution_lanes=xdr.ConfigSettingContractExecutionLanesV0(
            Uint32(settings.ledger.soroban_transactions)
        ),
    )
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_CONTRACT_PARALLEL_COMPUTE_V0,
        contract_parallel_compute=xdr.ConfigSettingContractParallelComputeV0(
            Uint32(settings.ledger.clusters)
        ),
    )
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_SCP_TIMING,
        contract_scp_timing=xdr.ConfigSettingSCPTiming(
            Uint32(settings.close_milliseconds), timeout, timeout, timeout, timeout
        ),
    )
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_FROZEN_LEDGER_KEYS, frozen_ledger_keys=xdr.FrozenLedgerKeys([])
    )
    yield xdr.ConfigSettingEntry(
        ConfigSettingID.CONFIG_SETTING_FREEZE_BYPASS_TXS, freeze_bypass_txs=xdr.FreezeBypassTxs([])
    )
