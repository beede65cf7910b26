"""Farmers: registered with a key of their own, funded, activated, looked up."""

from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from backend_svc.contract_calls import ContractCalls
from backend_svc.custody import Custody
from backend_svc.rules.funding import BASE_RESERVE_STROOPS, MissingFunds, missing_funds, total_missing_stroops
from backend_svc.rules.verdicts import Verdict, verdict_of_failure
from backend_svc.store import farmers, ledger, poolers
from backend_svc.store.database import Database
from backend_svc.store.records import (
    CustodyMode,
    Farmer,
    FarmerBalance,
    FarmerStatus,
    Pooler,
    PoolerStatus,
    User,
)
from backend_svc.turns import AccountTurns, Urgency
from kalepool.v1.errors_pb2 import Reason
from poolkit.errors import (
    CapacityExceeded,
    FieldViolation,
    NotFound,
    PoolError,
    RpcUnavailable,
    WrongStatus,
    pool_error,
)
from poolkit.farm_reader import AccountView, TrustlineView

_TRUSTLINE_ATTEMPTS = 3


class AccountReader(Protocol):
    """Where accounts and KALE balances are read; FarmReader is one. Each raises RpcUnavailable."""

    async def accounts(self, addresses: list[str]) -> dict[str, AccountView]: ...

    async def trustlines(self, holders: list[str]) -> dict[str, TrustlineView]: ...


@dataclass(frozen=True)
class Registration:
    """A checked request for a new custodial farmer. `pooler_id` None: the one with the most room."""

    user_email: str
    pooler_id: str | None
    payout_wallet: str
    stake_basis_points: int
    harvest_after_blocks: int


@dataclass(frozen=True)
class FarmerView:
    """A farmer, its books, and its account as read; account and trustline None: not there, or not read."""

    farmer: Farmer
    user_email: str
    balance: FarmerBalance
    missing: tuple[MissingFunds, ...]
    account: AccountView | None = None
    trustline: TrustlineView | None = None


@dataclass(frozen=True)
class Funded:
    """The chain has what the farmer needs. The hash is that of the trustline made now, if one was."""

    account: AccountView
    trustline_transaction_hash: bytes


class FarmerAccounts:
    """What can be done with farmers. `fee_balance_stroops`: XLM that each is to have for fees."""

    def __init__(
        self,
        *,
        database: Database,
        custody: Custody,
        calls: ContractCalls,
        chain: AccountReader,
        turns: AccountTurns,
        fee_balance_stroops: int,
    ) -> None:
        self._database = database
        self._custody = custody
        self._calls = calls
        self._chain = chain
        self._turns = turns
        self._fee_balance_stroops = fee_balance_stroops

    def register(self, registration: Registration) -> FarmerView:
        """Inside Database.run: a new farmer and its sealed key. Nothing is on the chain yet.

        Raises NotFound, WrongStatus (pooler), CapacityExceeded.
        """
        pooler = _pooler_with_room(registration.pooler_id)
        user = farmers.find_or_add_user(registration.user_email)
        farmer_id = str(uuid4())
        key = self._custody.new_key(farmer_id)
        farmer = farmers.add_farmer(
            farmer_id=farmer_id,
            user_id=user.id,
            pooler_id=pooler.id,
            custody_mode=CustodyMode.CUSTODIAL,
            public_key=key.public_key,
            payout_wallet=registration.payout_wallet,
            stake_basis_points=registration.stake_basis_points,
            harvest_after_blocks=registration.harvest_after_blocks,
        )
        farmers.add_sealed_key(key.sealed)
        return self.view(farmer, user, None)

    def update_stake(self, farmer_id: str, stake_basis_points: int) -> Farmer:
        """Inside Database.run: the share that is staked from the next plant on.

        Raises NotFound, WrongStatus.
        """
        farmer = farmers.lock_farmer(farmer_id)
        if farmer is None:
            raise no_such_farmer(farmer_id)
        if farmer.status is FarmerStatus.DEPARTED:
            raise _wrong_status(farmer)
        farmers.set_stake(farmer_id, stake_basis_points)
        return get_farmer(farmer_id)

    def activate(self, farmer_id: str) -> Farmer:
        """Inside Database.run: plants from the next block on. One who is active already stays so."""
        farmer = farmers.lock_farmer(farmer_id)
        if farmer is None:
            raise no_such_farmer(farmer_id)
        if farmer.status in (FarmerStatus.REGISTERED, FarmerStatus.FUNDED):
            farmers.set_status(farmer_id, FarmerStatus.ACTIVE)
        return get_farmer(farmer_id)

    async def fund(self, farmer_id: str) -> Funded:
        """Look at the chain for the farmer's XLM, and make its trustline.

        Raises NotFound, WrongStatus, RpcUnavailable; REASON_ACCOUNT_NOT_FUNDED,
        naming what is missing; the reasons for which a transaction fails.
        """
        farmer = await self._database.run(get_farmer, farmer_id)
        if farmer.status not in (FarmerStatus.REGISTERED, FarmerStatus.FUNDED, FarmerStatus.ACTIVE):
            raise _wrong_status(farmer)
        async with self._turns.turn(farmer.public_key, Urgency.ACCOUNT):
            account = await self._require_funds(farmer)
            trustlines = await self._chain.trustlines([farmer.public_key])
            if farmer.public_key in trustlines:
                return Funded(account, b"")
            await self._database.run(_mark_funded, farmer.id)
            return Funded(account, await self._make_trustline(farmer))

    async def look(self, found: list[Farmer]) -> list[FarmerView]:
        """The farmers with what they have; without their accounts if no node answers."""
        addresses = [farmer.public_key for farmer in found]
        accounts: dict[str, AccountView] = {}
        trustlines: dict[str, TrustlineView] = {}
        try:
            accounts = await self._chain.accounts(addresses)
            trustlines = await self._chain.trustlines(addresses)
        except RpcUnavailable:
            pass
        emails, balances = await self._database.run(_owners_and_balances, found)
        return [
            FarmerView(
                farmer=farmer,
                user_email=emails[farmer.user_id],
                balance=balances[farmer.id],
                missing=self._missing(farmer, accounts.get(farmer.public_key)),
                account=accounts.get(farmer.public_key),
                trustline=trustlines.get(farmer.public_key),
            )
            for farmer in found
        ]

    def view(self, farmer: Farmer, user: User, account: AccountView | None) -> FarmerView:
        """Inside Database.run: a farmer with its books, and the account as it was read."""
        return FarmerView(
            farmer=farmer,
            user_email=user.email,
            balance=ledger.balance_of(farmer.id),
            missing=self._missing(farmer, account),
            account=account,
        )

    def _missing(self, farmer: Farmer, account: AccountView | None) -> tuple[MissingFunds, ...]:
        """What must come in before the farmer can be active; nothing more once it is."""
        if farmer.status is not FarmerStatus.REGISTERED:
            return ()
        balance = 0 if account is None else account.balance_stroops
        return missing_funds(balance, fee_balance_stroops=self._fee_balance_stroops)

    async def _require_funds(self, farmer: Farmer) -> AccountView:
        account = (await self._chain.accounts([farmer.public_key])).get(farmer.public_key)
        if account is not None and farmer.status is not FarmerStatus.REGISTERED:
            return account
        balance = 0 if account is None else account.balance_stroops
        others = 0 if account is None else max(0, account.subentries - 1) * BASE_RESERVE_STROOPS
        missing = missing_funds(
            balance, other_reserve_stroops=others, fee_balance_stroops=self._fee_balance_stroops
        )
        if account is not None and not missing:
            return account
        amount = total_missing_stroops(missing)
        raise PoolError(
            Reason.REASON_ACCOUNT_NOT_FUNDED,
            f"account {farmer.public_key} must hold {balance + amount} stroops of XLM "
            f"(got {balance}): send {amount} more",
            metadata={"address": farmer.public_key, "missing_stroops": str(amount)},
        )

    async def _make_trustline(self, farmer: Farmer) -> bytes:
        verdict = Verdict(Reason.REASON_TRANSACTION_EXPIRED, "no ledger took the trustline's transaction")
        for _ in range(_TRUSTLINE_ATTEMPTS):
            outcome = await self._calls.make_trustline(farmer.id, farmer.public_key)
            if outcome is None:
                raise RpcUnavailable("no Stellar RPC endpoint answers")
            if isinstance(outcome, Verdict):
                verdict = outcome
                break
            if outcome.confirmed:
                return outcome.hash or b""
            if outcome.failure is not None:
                asset = self._calls.network.asset_contract_id
                verdict = verdict_of_failure(outcome.failure, asset_contract_id=asset)
                break
        raise pool_error(verdict.reason, verdict.message)


def get_farmer(farmer_id: str) -> Farmer:
    """Inside Database.run. Raises NotFound."""
    farmer = farmers.find_farmer(farmer_id)
    if farmer is None:
        raise no_such_farmer(farmer_id)
    return farmer


def get_user(farmer: Farmer) -> User:
    """Inside Database.run: whom the farmer belongs to."""
    user = farmers.find_user(farmer.user_id)
    assert user is not None
    return user


def no_such_farmer(farmer_id: str) -> NotFound:
    """The same answer whether it does not exist or is not the caller's."""
    text = f"must be of an existing farmer (got {farmer_id})"
    return NotFound(f"there is no farmer {farmer_id}", field_violations=[FieldViolation("farmer_id", text)])


def _mark_funded(farmer_id: str) -> None:
    farmer = farmers.lock_farmer(farmer_id)
    if farmer is not None and farmer.status is FarmerStatus.REGISTERED:
        farmers.set_status(farmer_id, FarmerStatus.FUNDED)


def _owners_and_balances(found: list[Farmer]) -> tuple[dict[str, str], dict[str, FarmerBalance]]:
    emails = farmers.emails_of([farmer.user_id for farmer in found])
    return emails, ledger.balances_of([farmer.id for farmer in found])


def _pooler_with_room(pooler_id: str | None) -> Pooler:
    """The pooler, held until COMMIT. Raises NotFound, WrongStatus, CapacityExceeded."""
    roomiest = poolers.find_roomiest_pooler() if pooler_id is None else None
    if pooler_id is None and roomiest is None:
        raise CapacityExceeded("no pooler has room for another farmer")
    wanted = pooler_id or (roomiest.id if roomiest is not None else "")
    pooler = poolers.lock_pooler(wanted)
    if pooler is None:
        text = f"must be of an existing pooler (got {wanted})"
        raise NotFound(f"there is no pooler {wanted}", field_violations=[FieldViolation("pooler_id", text)])
    if pooler.status is not PoolerStatus.ACTIVE:
        text = f"pooler {pooler.id} must be active (it is {pooler.status})"
        raise WrongStatus(text, metadata={"status": str(pooler.status)})
    farmers_now = poolers.count_farmers_of([pooler.id]).get(pooler.id, 0)
    if farmers_now >= pooler.capacity:
        raise CapacityExceeded(
            f"pooler {pooler.id} takes at most {pooler.capacity} farmers (it has {farmers_now})"
        )
    return pooler


def _wrong_status(farmer: Farmer) -> WrongStatus:
    return WrongStatus(f"farmer {farmer.id} is {farmer.status}", metadata={"status": str(farmer.status)})
