"""Questions about users, farmers and their sealed keys."""

from uuid import uuid4

from peewee import fn

from backend_svc.store.models import FarmerKeys, Farmers, Plantings, Users, as_record, maybe_record
from backend_svc.store.records import CustodyMode, Farmer, FarmerStatus, SealedKey, User


def find_or_add_user(email: str) -> User:
    """The user of this e-mail address (in lower case), made if there is none."""
    Users.insert(id=str(uuid4()), email=email.lower()).on_conflict_ignore().execute()
    return as_record(User, Users.get(Users.email == email.lower()))


def find_user(user_id: str) -> User | None:
    row = Users.get_or_none(Users.id == user_id)
    return maybe_record(User, row)


def add_farmer(
    *,
    farmer_id: str,
    user_id: str,
    pooler_id: str,
    custody_mode: CustodyMode,
    public_key: str,
    payout_wallet: str | None,
    stake_basis_points: int,
    harvest_after_blocks: int,
) -> Farmer:
    """A new farmer with status registered. The caller makes the id, since the key is sealed under it."""
    row = Farmers.insert(
        id=farmer_id,
        user_id=user_id,
        pooler_id=pooler_id,
        custody_mode=custody_mode,
        public_key=public_key,
        payout_wallet=payout_wallet,
        stake_basis_points=stake_basis_points,
        harvest_after_blocks=harvest_after_blocks,
    ).returning(Farmers)
    return as_record(Farmer, next(iter(row.execute())))


def find_farmer(farmer_id: str) -> Farmer | None:
    row = Farmers.get_or_none(Farmers.id == farmer_id)
    return maybe_record(Farmer, row)


def farmers_by_ids(farmer_ids: list[str]) -> dict[str, Farmer]:
    """By id; those that do not exist are left out."""
    rows = Farmers.select().where(Farmers.id.in_(farmer_ids))
    return {row.id: as_record(Farmer, row) for row in rows}


def lock_farmer(farmer_id: str) -> Farmer | None:
    """The same, holding its row until COMMIT: for changes that depend on its status."""
    row = Farmers.select().where(Farmers.id == farmer_id).for_update().first()
    return maybe_record(Farmer, row)


def list_farmers(
    *,
    pooler_id: str | None = None,
    user_email: str | None = None,
    statuses: tuple[FarmerStatus, ...] = (),
    custody_mode: CustodyMode | None = None,
    after_id: str = "",
    limit: int = 100,
) -> list[Farmer]:
    """Farmers in the order in which they registered, those after `after_id` (empty: all), at most `limit`."""
    query = Farmers.select().order_by(Farmers.created_at, Farmers.id).limit(limit)
    if pooler_id is not None:
        query = query.where(Farmers.pooler_id == pooler_id)
    if user_email is not None:
        owner = Users.select(Users.id).where(Users.email == user_email.lower())
        query = query.where(Farmers.user_id.in_(owner))
    if statuses:
        query = query.where(Farmers.status.in_(statuses))
    if custody_mode is not None:
        query = query.where(Farmers.custody_mode == custody_mode)
    if after_id:
        last = Farmers.select(Farmers.created_at).where(Farmers.id == after_id)
        query = query.where(
            (Farmers.created_at > last) | ((Farmers.created_at == last) & (Farmers.id > after_id))
        )
    return [as_record(Farmer, row) for row in query]


def active_farmers(pooler_id: str, limit: int) -> list[Farmer]:
    """Those that this pooler is to plant now, planted longest ago first, at most its capacity."""
    last_planted = Plantings.select(fn.MAX(Plantings.block_index)).where(Plantings.farmer_id == Farmers.id)
    query = (
        Farmers.select()
        .where((Farmers.pooler_id == pooler_id) & (Farmers.status == FarmerStatus.ACTIVE))
        .order_by(fn.COALESCE(last_planted, -1), Farmers.created_at, Farmers.id)
        .limit(limit)
    )
    return [as_record(Farmer, row) for row in query]


def count_farmers(*, pooler_id: str | None = None, status: FarmerStatus | None = None) -> int:
    query = Farmers.select(fn.COUNT(Farmers.id))
    if pooler_id is not None:
        query = query.where(Farmers.pooler_id == pooler_id)
    if status is not None:
        query = query.where(Farmers.status == status)
    return int(query.scalar())


def emails_of(user_ids: list[str]) -> dict[str, str]:
    """The users' mail addresses by user id."""
    return {row.id: row.email for row in Users.select(Users.id, Users.email).where(Users.id.in_(user_ids))}


def set_status(farmer_id: str, status: FarmerStatus) -> None:
    Farmers.update(status=status).where(Farmers.id == farmer_id).execute()


def set_stake(farmer_id: str, stake_basis_points: int) -> None:
    """Basis points of the free balance, 1,000 to 10,000 (a CHECK refuses others)."""
    Farmers.update(stake_basis_points=stake_basis_points).where(Farmers.id == farmer_id).execute()


def farmer_ids_by_address() -> dict[str, str]:
    """Every wallet of ours: public key to farmer id."""
    return {row.public_key: row.id for row in Farmers.select(Farmers.id, Farmers.public_key)}


def add_sealed_key(key: SealedKey) -> None:
    FarmerKeys.insert(
        farmer_id=key.farmer_id,
        master_key_id=key.master_key_id,
        wrapped_data_key=key.wrapped_data_key,
        sealed_seed=key.sealed_seed,
    ).execute()


def find_sealed_key(farmer_id: str) -> SealedKey | None:
    row = FarmerKeys.get_or_none(FarmerKeys.farmer_id == farmer_id)
    return maybe_record(SealedKey, row)


def master_key_ids() -> set[str]:
    """Under which master keys the stored seeds are: all of them must be at hand at start."""
    return {row.master_key_id for row in FarmerKeys.select(FarmerKeys.master_key_id).distinct()}


def keys_under(master_key_id: str, limit: int) -> list[SealedKey]:
    """Some of the keys that this master key wraps, locked until COMMIT, for rotation."""
    query = FarmerKeys.select().where(FarmerKeys.master_key_id == master_key_id).limit(limit).for_update()
    return [as_record(SealedKey, row) for row in query]


def rewrap_key(farmer_id: str, master_key_id: str, wrapped_data_key: bytes) -> None:
    """The same data key under another master key; the sealed seed stays as it is."""
    FarmerKeys.update(master_key_id=master_key_id, wrapped_data_key=wrapped_data_key).where(
        FarmerKeys.farmer_id == farmer_id
    ).execute()
