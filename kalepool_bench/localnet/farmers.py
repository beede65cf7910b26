"""Farmers that a chain is started with, made from numbers and saved as entries: none costs a transaction."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from stellar_sdk import Asset, Keypair

from kale.constants import I64_MAX, STROOPS_PER_KALE
from kale.networks import LOCAL
from localnet.chain.saved_entries import entry_line
from localnet.genesis import STROOPS_PER_XLM
from localnet.ledger.accounts import (
    account_key,
    new_account,
    new_trustline,
    stored_account,
    stored_trustline,
    trustline_key,
    with_line_balance,
    with_subentries,
)
from localnet.ledger.entries import StoredEntry

FIRST_SEQUENCE: Final = 1 << 32
_XLM_STROOPS: Final = 1_000 * STROOPS_PER_XLM
_KALE_STROOPS: Final = 1_000 * STROOPS_PER_KALE
_AUTHORIZED: Final = 1


class BenchFarmer:
    """One farmer's key, and the sequence number that its account has used last."""

    def __init__(self, number: int) -> None:
        seed = hashlib.sha256(b"kalepool bench farmer %d" % number).digest()
        self._key = Keypair.from_raw_ed25519_seed(seed)
        self.public_key = self._key.raw_public_key()
        self.address = self._key.public_key
        self.sequence = FIRST_SEQUENCE

    def __repr__(self) -> str:
        return f"BenchFarmer({self.address})"

    def sign(self, content: bytes) -> bytes:
        return self._key.sign(content)


def write_entries(path: Path, farmers: Sequence[BenchFarmer]) -> None:
    """Accounts with XLM and trustlines with KALE, a line each as getLedgerEntries answers."""
    asset = Asset(LOCAL.asset_code, LOCAL.asset_issuer).to_xdr_object()
    with path.open("w") as file:
        for farmer in farmers:
            account = with_subentries(new_account(farmer.public_key, _XLM_STROOPS, FIRST_SEQUENCE), 1)
            line = new_trustline(farmer.public_key, asset, I64_MAX, _AUTHORIZED)
            line = with_line_balance(line, _KALE_STROOPS)
            file.write(_line(account_key(farmer.public_key), stored_account(account, 1)))
            file.write(_line(trustline_key(farmer.public_key, asset), stored_trustline(line, 1)))


def _line(key: bytes, entry: StoredEntry) -> str:
    return json.dumps(entry_line(key, entry)) + "\n"
