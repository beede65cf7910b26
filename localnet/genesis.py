"""What the local network begins with: accounts, KALE and its contracts.

Every key here is public: its ed25519 seed is the sha256 of the passphrase and the role's name. They are worth
nothing anywhere else, because nothing that is signed for this network is valid on another one.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from stellar_sdk import Asset, Keypair, xdr

from kale.constants import I64_MAX, STROOPS_PER_KALE
from kale.networks import LOCAL, Network
from localnet.contracts.install import (
    farm_entries,
    native_token_entries,
    new_farm,
    token_entries,
    tractor_entries,
)
from localnet.ledger.accounts import (
    account_key,
    new_account,
    new_trustline,
    stored_account,
    stored_trustline,
    trustline_key,
    with_balance,
    with_line_balance,
    with_subentries,
)
from localnet.ledger.entries import StoredEntry
from localnet.network_settings import TOTAL_COINS_STROOPS
from localnet.soroban.invocation import LedgerInfo

STROOPS_PER_XLM: Final = 10_000_000
FAUCET_KALE_STROOPS: Final = 1_000_000_000 * STROOPS_PER_KALE
RIVALS_KALE_STROOPS: Final = 100_000_000 * STROOPS_PER_KALE

_ISSUER_STROOPS: Final = 10_000 * STROOPS_PER_XLM
_FAUCET_STROOPS: Final = 1_000_000 * STROOPS_PER_XLM
_FRIENDBOT_STROOPS: Final = 1_000_000_000 * STROOPS_PER_XLM
_RIVALS_STROOPS: Final = 100_000_000 * STROOPS_PER_XLM
_MINION_STROOPS: Final = 10_000 * STROOPS_PER_XLM


def development_key(role: str, passphrase: str = LOCAL.passphrase) -> Keypair:
    """The key of a role on the local network."""
    return Keypair.from_raw_ed25519_seed(hashlib.sha256(f"{passphrase}:{role}".encode()).digest())


ROOT: Final = development_key("root")
ISSUER: Final = development_key("issuer")
FAUCET: Final = development_key("faucet")
FRIENDBOT: Final = development_key("friendbot")
RIVALS: Final = development_key("rivals")
FRIENDBOT_MINIONS: Final = tuple(development_key(f"friendbot-{number}") for number in range(32))


def genesis_entries(network: Network, ledger: LedgerInfo) -> Mapping[bytes, StoredEntry]:
    """All entries of the first ledger: the whole XLM supply, KALE to give away, asset contracts, farm."""
    asset = Asset(network.asset_code, network.asset_issuer).to_xdr_object()
    minions = len(FRIENDBOT_MINIONS) * _MINION_STROOPS
    spent = _ISSUER_STROOPS + _FAUCET_STROOPS + _FRIENDBOT_STROOPS + _RIVALS_STROOPS + minions
    entries = dict(
        [
            _account(ROOT, TOTAL_COINS_STROOPS - spent, ledger),
            _account(ISSUER, _ISSUER_STROOPS, ledger),
            _account(FAUCET, _FAUCET_STROOPS, ledger, subentries=1),
            _account(FRIENDBOT, _FRIENDBOT_STROOPS, ledger),
            *(_account(minion, _MINION_STROOPS, ledger) for minion in FRIENDBOT_MINIONS),
            _account(RIVALS, _RIVALS_STROOPS, ledger, subentries=1),
            _line(FAUCET, asset, FAUCET_KALE_STROOPS, ledger),
            _line(RIVALS, asset, RIVALS_KALE_STROOPS, ledger),
        ]
    )
    farm = new_farm(network.asset_issuer, network.asset_contract_id, ledger.close_time)
    entries |= farm_entries(network.farm_contract_id, farm, ledger)
    entries |= token_entries(
        network.asset_contract_id,
        network.asset_code,
        network.asset_issuer,
        network.farm_contract_id,
        ledger,
    )
    if network.tractor_contract_id is not None:
        entries |= tractor_entries(network.tractor_contract_id, network.farm_contract_id, ledger)
    entries |= native_token_entries(Asset.native().contract_id(network.passphrase), ledger)
    return entries


def _account(
    key: Keypair, balance_stroops: int, ledger: LedgerInfo, subentries: int = 0
) -> tuple[bytes, StoredEntry]:
    account = new_account(key.raw_public_key(), 0, ledger.sequence << 32)
    account = with_subentries(with_balance(account, balance_stroops), subentries)
    return account_key(key.raw_public_key()), stored_account(account, ledger.sequence)


def _line(
    key: Keypair, asset: xdr.Asset, balance_stroops: int, ledger: LedgerInfo
) -> tuple[bytes, StoredEntry]:
    holder = key.raw_public_key()
    line = new_trustline(holder, asset, I64_MAX, xdr.TrustLineFlags.AUTHORIZED_FLAG)
    line = with_line_balance(line, balance_stroops)
    return trustline_key(holder, asset), stored_trustline(line, ledger.sequence)
