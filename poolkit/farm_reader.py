"""Reads the farm's state from the chain: block, pails, balances, each with the ledger it is from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from stellar_sdk import xdr

from kale import storage
from kale.farm import Block, Farm, Pail
from kale.networks import Network
from poolkit.errors import NotFound
from poolkit.rpc_answers import Entries, EntryView

K = TypeVar("K")

# An account's minimum balance is (2 + its subentries) base reserves of 0.5 XLM (CAP-33).
BASE_RESERVE_STROOPS = 5_000_000


class EntrySource(Protocol):
    """Where entries come from; StellarRpc is one."""

    async def entries(self, keys: Iterable[xdr.LedgerKey]) -> Entries:
        """Raises RpcUnavailable if no node answers."""
        ...


@dataclass(frozen=True)
class FarmView:
    """The farm as of the end of `ledger`."""

    farm: Farm
    ledger: int


@dataclass(frozen=True)
class CurrentBlockView:
    """The farm, and the current block's own entry, as of the end of `ledger`.

    `farm.block` already collects extremes and entropy for the block to come; what holds for the
    current one stands in `block`. None: the entry is not there (a new farm, expired, removed).
    """

    farm: Farm
    block: Block | None
    ledger: int


@dataclass(frozen=True)
class BlockView:
    """A block's temporary entry as of the end of `ledger`; it vanishes after ledger `live_until`."""

    index: int
    block: Block
    ledger: int
    live_until: int


@dataclass(frozen=True)
class PailView:
    """A pail's temporary entry as of the end of `ledger`; it vanishes after ledger `live_until`."""

    farmer: str
    index: int
    pail: Pail
    ledger: int
    live_until: int


@dataclass(frozen=True)
class AccountView:
    """A G address's account. `minimum_stroops` of its XLM are reserve and can't be spent."""

    address: str
    balance_stroops: int
    sequence: int
    subentries: int
    minimum_stroops: int
    ledger: int


@dataclass(frozen=True)
class TrustlineView:
    """A G address's KALE. Without `authorized` the issuer keeps it from moving."""

    holder: str
    balance_stroops: int
    limit_stroops: int
    authorized: bool
    ledger: int


class FarmReader:
    """Typed reads of one network's farm and asset.

    `find_*` and the plural methods leave out what doesn't exist, `get_*` raise NotFound. Every
    method raises RpcUnavailable if no node answers.
    """

    def __init__(self, source: EntrySource, network: Network) -> None:
        self._source = source
        self._network = network

    async def farm(self) -> FarmView:
        """Index, block and switches. Raises NotFound if there is no farm under the contract id."""
        entries = await self._source.entries([storage.farm_instance_key(self._network.farm_contract_id)])
        return FarmView(self._farm_in(entries), entries.latest_ledger)

    def _farm_in(self, entries: Entries) -> Farm:
        entry = entries.find(storage.farm_instance_key(self._network.farm_contract_id))
        if entry is None or entry.data.contract_data is None:
            raise NotFound(
                f"there is no farm contract {self._network.farm_contract_id} on {self._network.name}"
            )
        try:
            return storage.decode_farm(entry.data.contract_data.val)
        except storage.StorageDecodeError as error:
            raise NotFound(f"contract {self._network.farm_contract_id} is not a farm: {error}") from error

    async def current_block(self, guess: int | None = None) -> CurrentBlockView:
        """The farm with its current block: one call if `guess` is its index, else two.

        Raises NotFound as `farm` does.
        """
        farm_key = storage.farm_instance_key(self._network.farm_contract_id)
        guessed = [] if guess is None else [storage.block_key(self._network.farm_contract_id, guess)]
        entries = await self._source.entries([farm_key, *guessed])
        farm = self._farm_in(entries)
        if farm.index != guess:
            return await self.current_block(farm.index)
        entry = entries.find(guessed[0])
        block = None if entry is None else storage.decode_block(_contract_value(entry))
        return CurrentBlockView(farm, block, entries.latest_ledger)

    async def find_block(self, index: int) -> BlockView | None:
        """A block's own entry; None before it is opened and after it has expired."""
        key = storage.block_key(self._network.farm_contract_id, index)
        entries = await self._source.entries([key])
        entry = entries.find(key)
        if entry is None:
            return None
        block = storage.decode_block(_contract_value(entry))
        return BlockView(index, block, entries.latest_ledger, entry.live_until or 0)

    async def get_block(self, index: int) -> BlockView:
        """A block's own entry. Raises NotFound where find_block gives None."""
        block = await self.find_block(index)
        if block is None:
            raise NotFound(f"block {index} has no entry on {self._network.name}")
        return block

    async def find_pail(self, farmer: str, index: int) -> PailView | None:
        """A pail; None if it was never planted, is harvested, or has expired."""
        return (await self.pails([(farmer, index)])).get((farmer, index))

    async def pails(self, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], PailView]:
        """Existing pails by (farmer, index)."""
        contract = self._network.farm_contract_id
        keys = {each: storage.pail_key(contract, *each) for each in wanted}
        entries = await self._entries(keys)
        return {
            (farmer, index): PailView(
                farmer,
                index,
                storage.decode_pail(_contract_value(entry)),
                entries.latest_ledger,
                entry.live_until or 0,
            )
            for (farmer, index), entry in _found(keys, entries)
        }

    async def find_account(self, address: str) -> AccountView | None:
        """An account; None if it doesn't exist."""
        return (await self.accounts([address])).get(address)

    async def get_account(self, address: str) -> AccountView:
        """An account. Raises NotFound if it doesn't exist."""
        account = await self.find_account(address)
        if account is None:
            raise NotFound(f"account {address} does not exist on {self._network.name}")
        return account

    async def accounts(self, addresses: Iterable[str]) -> dict[str, AccountView]:
        """Existing accounts by address."""
        keys = {address: storage.account_key(address) for address in addresses}
        entries = await self._entries(keys)
        return {
            address: _account_view(address, entry.data.account, entries.latest_ledger)
            for address, entry in _found(keys, entries)
            if entry.data.account is not None
        }

    async def find_trustline(self, holder: str) -> TrustlineView | None:
        """A G address's KALE trustline; None without one."""
        return (await self.trustlines([holder])).get(holder)

    async def trustlines(self, holders: Iterable[str]) -> dict[str, TrustlineView]:
        """Existing KALE trustlines by holder."""
        code, issuer = self._network.asset_code, self._network.asset_issuer
        keys = {holder: storage.trustline_key(code, issuer, holder) for holder in holders}
        entries = await self._entries(keys)
        return {
            holder: _trustline_view(holder, entry.data.trust_line, entries.latest_ledger)
            for holder, entry in _found(keys, entries)
            if entry.data.trust_line is not None
        }

    async def _entries(self, keys: Mapping[K, xdr.LedgerKey]) -> Entries:
        return await self._source.entries(keys.values()) if keys else Entries(latest_ledger=0)


def _found(keys: Mapping[K, xdr.LedgerKey], entries: Entries) -> list[tuple[K, EntryView]]:
    pairs = ((name, entries.find(key)) for name, key in keys.items())
    return [(name, entry) for name, entry in pairs if entry is not None]


def _contract_value(entry: EntryView) -> xdr.SCVal:
    if entry.data.contract_data is None:
        raise storage.StorageDecodeError(f"expected contract data, got {entry.data.type.name}")
    return entry.data.contract_data.val


def _account_view(address: str, entry: xdr.AccountEntry, ledger: int) -> AccountView:
    subentries = entry.num_sub_entries.uint32
    extra_reserves, liabilities = 0, 0
    if entry.ext.v1 is not None:
        liabilities = entry.ext.v1.liabilities.selling.int64
        if entry.ext.v1.ext.v2 is not None:
            sponsorship = entry.ext.v1.ext.v2
            extra_reserves = sponsorship.num_sponsoring.uint32 - sponsorship.num_sponsored.uint32
    return AccountView(
        address=address,
        balance_stroops=entry.balance.int64,
        sequence=entry.seq_num.sequence_number.int64,
        subentries=subentries,
        minimum_stroops=(2 + subentries + extra_reserves) * BASE_RESERVE_STROOPS + liabilities,
        ledger=ledger,
    )


def _trustline_view(holder: str, entry: xdr.TrustLineEntry, ledger: int) -> TrustlineView:
    authorized = entry.flags.uint32 & xdr.TrustLineFlags.AUTHORIZED_FLAG.value
    return TrustlineView(
        holder=holder,
        balance_stroops=entry.balance.int64,
        limit_stroops=entry.limit.int64,
        authorized=bool(authorized),
        ledger=ledger,
    )
