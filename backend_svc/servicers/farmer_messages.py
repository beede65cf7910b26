"""Farmers and poolers in the words of the protos. Pure."""

from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from backend_svc.farmers import FarmerView
from backend_svc.poolers import PoolerView
from backend_svc.rules.funding import FundingPurpose, MissingFunds
from backend_svc.store.records import CustodyMode, Farmer, FarmerStatus, PoolerStatus
from kalepool.v1 import admin_pb2, farmer_pb2, types_pb2

_CUSTODY: Final = {
    CustodyMode.CUSTODIAL: types_pb2.CUSTODY_MODE_CUSTODIAL,
    CustodyMode.SELF_CUSTODY: types_pb2.CUSTODY_MODE_SELF,
}
_PURPOSES: Final = {
    FundingPurpose.ACCOUNT_RESERVE: (
        farmer_pb2.FUNDING_PURPOSE_ACCOUNT_RESERVE,
        "the base reserve of the account",
    ),
    FundingPurpose.TRUSTLINE_RESERVE: (
        farmer_pb2.FUNDING_PURPOSE_TRUSTLINE_RESERVE,
        "the base reserve of the KALE trustline",
    ),
    FundingPurpose.FEES: (farmer_pb2.FUNDING_PURPOSE_FEES, "the fees of the farmer's transactions"),
}


def custody_mode_of(value: types_pb2.CustodyMode.ValueType) -> CustodyMode | None:
    """None for unset: any, or the default."""
    return next((mode for mode, number in _CUSTODY.items() if number == value), None)


def farmer_status_of(value: types_pb2.FarmerStatus.ValueType) -> FarmerStatus | None:
    """None for unset: any."""
    if not value:
        return None
    return FarmerStatus(types_pb2.FarmerStatus.Name(value).removeprefix("FARMER_STATUS_").lower())


def pooler_status_of(value: admin_pb2.PoolerStatus.ValueType) -> PoolerStatus | None:
    """None for unset: any."""
    if not value:
        return None
    return PoolerStatus(admin_pb2.PoolerStatus.Name(value).removeprefix("POOLER_STATUS_").lower())


def farmer_message(view: FarmerView) -> farmer_pb2.Farmer:
    farmer = view.farmer
    message = farmer_pb2.Farmer(
        id=farmer.id,
        user_email=view.user_email,
        pooler_id=farmer.pooler_id,
        custody_mode=_CUSTODY[farmer.custody_mode],
        funding_mode=types_pb2.FUNDING_MODE_MANUAL,
        public_key=farmer.public_key,
        payout_wallet=farmer.payout_wallet or "",
        stake_basis_points=farmer.stake_basis_points,
        harvest_after_blocks=farmer.harvest_after_blocks,
        status=_status_message(farmer),
        balances=_balances(view),
        funding_needed=[_funding(funds, farmer.public_key) for funds in view.missing],
        create_time=Timestamp(),
        update_time=Timestamp(),
    )
    message.create_time.FromDatetime(farmer.created_at)
    message.update_time.FromDatetime(farmer.status_changed_at)
    return message


def assigned_farmer_message(farmer: Farmer) -> types_pb2.AssignedFarmer:
    return types_pb2.AssignedFarmer(
        id=farmer.id,
        public_key=farmer.public_key,
        status=_status_message(farmer),
        custody_mode=_CUSTODY[farmer.custody_mode],
        stake_basis_points=farmer.stake_basis_points,
        harvest_after_blocks=farmer.harvest_after_blocks,
    )


def pooler_message(view: PoolerView) -> admin_pb2.Pooler:
    pooler = view.pooler
    message = admin_pb2.Pooler(
        id=pooler.id,
        name=pooler.name,
        public_key=pooler.public_key or "",
        share_basis_points=pooler.share_basis_points,
        endpoint=pooler.endpoint,
        capacity=pooler.capacity,
        farmers=view.farmers,
        status=admin_pb2.PoolerStatus.Value(f"POOLER_STATUS_{pooler.status.name}"),
        create_time=Timestamp(),
    )
    message.create_time.FromDatetime(pooler.created_at)
    return message


def _status_message(farmer: Farmer) -> types_pb2.FarmerStatus.ValueType:
    return types_pb2.FarmerStatus.Value(f"FARMER_STATUS_{farmer.status.name}")


def _balances(view: FarmerView) -> farmer_pb2.Balances:
    """What the chain says where it was read; what is in play is known from the books."""
    ledgers = [seen.ledger for seen in (view.account, view.trustline) if seen is not None]
    return farmer_pb2.Balances(
        xlm_stroops=0 if view.account is None else view.account.balance_stroops,
        kale_free_stroops=0 if view.trustline is None else view.trustline.balance_stroops,
        in_play_stroops=view.balance.in_play_stroops,
        ledger=max(ledgers, default=0),
    )


def _funding(funds: MissingFunds, address: str) -> farmer_pb2.FundingNeeded:
    purpose, why = _PURPOSES[funds.purpose]
    return farmer_pb2.FundingNeeded(
        amount_stroops=funds.amount_stroops,
        address=address,
        purpose=purpose,
        description=f"send {funds.amount_stroops / 10**7:f} XLM to {address} for {why}",
    )
