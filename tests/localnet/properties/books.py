"""What must hold after every ledger, counted anew from the state, the events and the metas."""

from collections import Counter

from stellar_sdk import scval, xdr

from kale.networks import LOCAL
from localnet.chain.chain import Chain
from localnet.chain.closed_ledger import ClosedLedger
from localnet.ledger.accounts import available_stroops, public_key
from localnet.ledger.assets import asset_contract_id, trusted_asset
from localnet.ledger.entries import StoredEntry
from localnet.ledger.meta import ledger_entry
from localnet.ledger.sponsorships import account_signers, entry_sponsor, sponsoring_count
from localnet.ledger.value_wire import symbol
from localnet.network_settings import TOTAL_COINS_STROOPS
from localnet.transactions.application import AppliedTransaction
from tests.localnet.play import KALE, sponsored_count

_CLASSIC = (xdr.LedgerEntryType.ACCOUNT, xdr.LedgerEntryType.TRUSTLINE, xdr.LedgerEntryType.DATA)
_KALE = KALE.to_xdr_object()


class Books:
    """The accounts of one chain, kept beside it from its first ledger on."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._kale_contract = asset_contract_id(chain.network_id, _KALE)
        self._kale = _total_kale(chain)
        self._sequences: dict[bytes, int] = {}
        self._mirror = {key: ledger_entry(entry) for key, entry in _classic(chain).items()}
        self._before = dict(_classic(chain))

    def check(self, ledger: ClosedLedger) -> None:
        """Fails if anything does not add up in a ledger that has just closed."""
        self._check_totals(ledger)
        self._check_sequences()
        self._check_metas(ledger)
        if ledger.transactions and not any(applied.succeeded for applied in ledger.transactions):
            self._check_failures(ledger)
        _check_reserves(self._chain)
        self._before = dict(_classic(self._chain))

    def _check_totals(self, ledger: ClosedLedger) -> None:
        """XLM goes nowhere but into fees; KALE comes and goes with its events alone."""
        xlm = sum(account.balance.int64 for account in _accounts(self._chain).values())
        assert xlm + ledger.fee_pool_stroops == TOTAL_COINS_STROOPS
        self._kale += sum(self._kale_change(applied) for applied in ledger.transactions)
        assert _total_kale(self._chain) == self._kale

    def _kale_change(self, applied: AppliedTransaction) -> int:
        change = 0
        for event in (event for events in applied.operation_events for event in events):
            if event.contract_id == self._kale_contract:
                amount = scval.to_native(xdr.SCVal.from_xdr_bytes(event.data))
                stroops = amount["amount"] if isinstance(amount, dict) else amount
                if event.topics[0] == symbol(b"mint"):
                    assert isinstance(stroops, int)
                    change += stroops
                elif event.topics[0] in (symbol(b"burn"), symbol(b"clawback")):
                    assert isinstance(stroops, int)
                    change -= stroops
        return change

    def _check_sequences(self) -> None:
        """No number goes back, not even that of an account that was merged and made again."""
        for key, account in _accounts(self._chain).items():
            number = account.seq_num.sequence_number.int64
            assert number >= self._sequences.get(key, 0)
            self._sequences[key] = number

    def _check_metas(self, ledger: ClosedLedger) -> None:
        """Whoever follows the metas has the same accounts, trustlines and data as the chain."""
        for applied in ledger.transactions:
            self._follow(xdr.LedgerEntryChanges.from_xdr_bytes(applied.fee_changes))
        for applied in ledger.transactions:
            meta = xdr.TransactionMeta.from_xdr_bytes(applied.meta).v4
            assert meta is not None
            self._follow(meta.tx_changes_before)
            for operation in meta.operations:
                self._follow(operation.changes)
            self._follow(meta.tx_changes_after)
        for applied in ledger.transactions:
            self._follow(xdr.LedgerEntryChanges.from_xdr_bytes(applied.refund_changes))
        assert self._mirror == {key: ledger_entry(entry) for key, entry in _classic(self._chain).items()}

    def _follow(self, changes: xdr.LedgerEntryChanges) -> None:
        for change in changes.ledger_entry_changes:
            entry = change.created or change.updated or change.state
            if entry is None:
                assert change.removed is not None
                if change.removed.type in _CLASSIC:
                    del self._mirror[change.removed.to_xdr_bytes()]
            elif entry.data.type in _CLASSIC:
                key = _key(entry.data)
                if change.state is not None:
                    assert self._mirror[key] == entry.to_xdr_bytes()
                else:
                    assert (key in self._mirror) == (change.updated is not None)
                    self._mirror[key] = entry.to_xdr_bytes()

    def _check_failures(self, ledger: ClosedLedger) -> None:
        """In a ledger of failures alone, fees are paid and sequence numbers used, and that is all."""
        now = _classic(self._chain)
        assert now.keys() == self._before.keys()
        paid = 0
        for key, entry in now.items():
            before = self._before[key]
            if entry is before:
                continue
            assert _without_fee_and_sequence(entry) == _without_fee_and_sequence(before)
            assert entry.data.account is not None
            assert before.data.account is not None
            paid += before.data.account.balance.int64 - entry.data.account.balance.int64
        assert paid == sum(applied.fee_charged_stroops for applied in ledger.transactions)


def _check_reserves(chain: Chain) -> None:
    """Subentries and sponsorships are as many as the accounts say, and nobody is below the reserve."""
    subentries: Counter[bytes] = Counter()
    sponsored: Counter[bytes] = Counter()
    sponsoring: Counter[bytes] = Counter()
    for entry in _classic(chain).values():
        account = entry.data.account
        owner = _owner(entry.data)
        reserves = 1 if account is None else 2
        sponsors = [(entry_sponsor(entry), reserves)]
        if account is None:
            subentries[owner] += 1
        else:
            subentries[owner] += len(account.signers)
            sponsors += [(item.sponsor, 1) for item in account_signers(account)]
        for sponsor, count in sponsors:
            if sponsor is not None:
                sponsored[owner] += count
                sponsoring[sponsor] += count
    assert sponsored.total() == sponsoring.total()
    for key, account in _accounts(chain).items():
        assert account.num_sub_entries.uint32 == subentries[key]
        assert sponsored_count(account) == sponsored[key]
        assert sponsoring_count(account) == sponsoring[key]
        assert available_stroops(account, chain.settings) >= 0


def _without_fee_and_sequence(entry: StoredEntry) -> bytes:
    """The account as encoded, with what every transaction may change set to nothing."""
    data = xdr.LedgerEntryData.from_xdr_bytes(entry.data_xdr)
    account = data.account
    assert account is not None
    account.balance = xdr.Int64(0)
    account.seq_num = xdr.SequenceNumber(xdr.Int64(0))
    account.ext = xdr.AccountEntryExt(0)
    counts = (sponsored_count(account), sponsoring_count(account), account_signers(account))
    return data.to_xdr_bytes() + entry.extension + repr(counts).encode()


def _classic(chain: Chain) -> dict[bytes, StoredEntry]:
    entries = chain.state.entries()
    return {key: entry for key, entry in entries.items() if entry.data.type in _CLASSIC}


def _accounts(chain: Chain) -> dict[bytes, xdr.AccountEntry]:
    accounts = (entry.data.account for entry in chain.state.entries().values())
    return {public_key(account.account_id): account for account in accounts if account is not None}


def _owner(data: xdr.LedgerEntryData) -> bytes:
    owned = data.account or data.trust_line or data.data
    assert owned is not None
    return public_key(owned.account_id)


def _key(data: xdr.LedgerEntryData) -> bytes:
    key = xdr.LedgerKey(data.type)
    if data.account is not None:
        key.account = xdr.LedgerKeyAccount(data.account.account_id)
    elif data.trust_line is not None:
        key.trust_line = xdr.LedgerKeyTrustLine(data.trust_line.account_id, data.trust_line.asset)
    else:
        assert data.data is not None
        key.data = xdr.LedgerKeyData(data.data.account_id, data.data.data_name)
    return key.to_xdr_bytes()


def _total_kale(chain: Chain) -> int:
    """Stroops on trustlines, and of contracts in the asset contract's own entries."""
    total = 0
    for entry in chain.state.entries().values():
        line, held = entry.data.trust_line, entry.data.contract_data
        if line is not None and trusted_asset(line.asset) == _KALE:
            total += line.balance.int64
        elif held is not None and _is_balance(held):
            total += scval.from_int128(scval.from_struct(held.val)["amount"])
    return total


def _is_balance(held: xdr.ContractDataEntry) -> bool:
    contract = held.contract.contract_id
    parts = held.key.vec
    return (
        contract is not None
        and contract.contract_id.hash == scval.from_address(scval.to_address(LOCAL.asset_contract_id)).key
        and parts is not None
        and parts.sc_vec[0] == scval.to_symbol("Balance")
    )
