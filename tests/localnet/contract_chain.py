"""A chain for contract tests: entries, a ledger that the test moves, and calls that stay."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import count

from stellar_sdk import Asset, Keypair, scval, xdr

from kale.addresses import account_key_bytes, address_value
from kale.constants import I64_MAX
from kale.farm import Block, Farm, Pail
from kale.networks import LOCAL
from kale.storage import (
    account_key,
    block_key,
    decode_block,
    decode_farm,
    decode_pail,
    farm_instance_key,
    holding_key,
    pail_key,
    token_balance_data_key,
    trustline_key,
)
from localnet.contracts.install import farm_entries, new_farm, token_entries
from localnet.contracts.registry import find_program
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
from localnet.ledger.value_wire import encode_value
from localnet.soroban.host import Host
from localnet.soroban.invocation import EnforceAuth, Footprint, Invocation, LedgerInfo, RecordAuth

FARM = LOCAL.farm_contract_id
TOKEN = LOCAL.asset_contract_id
ISSUER = LOCAL.asset_issuer
HOMESTEADER = Keypair.from_raw_ed25519_seed(sha256(b"homesteader").digest()).public_key
START_SEQUENCE = 1_000
START_TIME = 1_800_000_000
AUTHORIZED = xdr.TrustLineFlags.AUTHORIZED_FLAG.value


def keypair(name: str) -> Keypair:
    """A key that a test calls by name."""
    return Keypair.from_raw_ed25519_seed(sha256(name.encode()).digest())


class ContractChain:
    """KALE and its asset contract on an otherwise empty ledger."""

    def __init__(self) -> None:
        self.ledger = LedgerInfo(START_SEQUENCE, START_TIME, sha256(LOCAL.passphrase.encode()).digest())
        self.entries = MemoryEntries({})
        self._nonces = count(1)
        farm = new_farm(HOMESTEADER, TOKEN, START_TIME)
        self.entries.apply(farm_entries(FARM, farm, self.ledger))
        self.entries.apply(token_entries(TOKEN, "KALE", ISSUER, FARM, self.ledger))
        self.add_account(ISSUER)

    # Set-up

    def add_account(self, address: str, account: xdr.AccountEntry | None = None) -> None:
        """An account as CreateAccount makes it, or as given."""
        entry = account if account is not None else new_account(account_key_bytes(address), 10**9, 0)
        self._put(account_key(address), stored_account(entry, self.ledger.sequence))

    def add_holder(
        self, address: str, balance: int, *, limit: int = I64_MAX, flags: int = AUTHORIZED
    ) -> None:
        """A G address with account and trustline, or a C address with contract balance."""
        if address.startswith("C"):
            self._add_contract_holder(address, balance)
            return
        self.add_account(address)
        asset = Asset("KALE", ISSUER).to_xdr_object()
        line = with_line_balance(new_trustline(account_key_bytes(address), asset, limit, flags), balance)
        self._put(trustline_key("KALE", ISSUER, address), stored_trustline(line, self.ledger.sequence))

    def _add_contract_holder(self, address: str, balance: int, *, authorized: bool = True) -> None:
        key = token_balance_data_key(address)
        durability = xdr.ContractDataDurability.PERSISTENT
        value = encoded_balance(balance, authorized=authorized, clawback=False)
        data = contract_data_entry(TOKEN, key, durability, value)
        live_until = self.ledger.new_live_until(temporary=False)
        self.entries.apply(
            {data_key_bytes(TOKEN, key, durability): StoredEntry(data, self.ledger.sequence, live_until)}
        )

    def _put(self, key: xdr.LedgerKey, entry: StoredEntry) -> None:
        self.entries.apply({key.to_xdr_bytes(): entry})

    # Time and calls

    def advance(self, ledgers: int, seconds: int | None = None) -> None:
        """Later: 5 s a ledger unless said otherwise."""
        self.ledger = replace(
            self.ledger,
            sequence=self.ledger.sequence + ledgers,
            close_time=self.ledger.close_time + (5 * ledgers if seconds is None else seconds),
        )

    def record(self, source: str = HOMESTEADER, *, root_only: bool = True) -> RecordAuth:
        """Recording mode with counted nonces."""
        return RecordAuth(source, nonces=self._nonces.__next__, root_only=root_only)

    def call(
        self,
        function: str,
        *args: xdr.SCVal,
        contract: str = FARM,
        auth: RecordAuth | EnforceAuth | None = None,
        footprint: Footprint | None = None,
    ) -> Invocation:
        """Runs a call and keeps what it changed."""
        host = Host(self.entries, self.ledger, auth or self.record(), find_program, footprint)
        outcome = host.invoke_root(contract, function, tuple(map(encode_value, args)))
        self.entries.apply(outcome.writes)
        return outcome

    def token(
        self, function: str, *args: xdr.SCVal, auth: RecordAuth | EnforceAuth | None = None
    ) -> Invocation:
        """A call of the asset contract."""
        return self.call(function, *args, contract=TOKEN, auth=auth)

    def plant(self, farmer: str, amount: int, **how: RecordAuth | EnforceAuth) -> Invocation:
        return self.call("plant", *plant_arguments(farmer, amount), auth=how.get("auth"))

    # State

    def farm(self) -> Farm:
        return decode_farm(self._contract_value(farm_instance_key(FARM)))

    def block(self, index: int) -> Block:
        return decode_block(self._contract_value(block_key(FARM, index)))

    def pail(self, farmer: str, index: int) -> Pail:
        return decode_pail(self._contract_value(pail_key(FARM, farmer, index)))

    def entry(self, key: xdr.LedgerKey) -> StoredEntry | None:
        return self.entries.find(key.to_xdr_bytes())

    def balance(self, holder: str) -> int:
        """What the holder's entry says, without a call."""
        entry = self.entry(holding_key(TOKEN, "KALE", ISSUER, holder))
        assert entry is not None
        if entry.data.trust_line is not None:
            return entry.data.trust_line.balance.int64
        assert entry.data.contract_data is not None
        return scval.from_int128(scval.from_struct(entry.data.contract_data.val)["amount"])

    def _contract_value(self, key: xdr.LedgerKey) -> xdr.SCVal:
        entry = self.entry(key)
        assert entry is not None
        assert entry.data.contract_data is not None
        return entry.data.contract_data.val


def plant_arguments(farmer: str, amount: int) -> Sequence[xdr.SCVal]:
    return [address_value(farmer), scval.to_int128(amount)]


def failure_text(outcome: Invocation) -> str:
    """The error of a call that must have failed."""
    assert outcome.failure is not None
    return outcome.failure.text


def footprint_of(outcome: Invocation) -> Footprint:
    """What a recorded call touched, to be declared for the next."""
    return Footprint(frozenset(outcome.touched_read_only), frozenset(outcome.touched_read_write))


def native_events(outcome: Invocation) -> list[tuple[list[object], object]]:
    """(topics, data) of the contract events; addresses as text."""
    events: list[tuple[list[object], object]] = []
    for event in outcome.events:
        topics = [scval.to_native(xdr.SCVal.from_xdr_bytes(topic)) for topic in event.topics]
        data = scval.to_native(xdr.SCVal.from_xdr_bytes(event.data))
        events.append(([getattr(topic, "address", topic) for topic in topics], data))
    return events
