"""The pool's four transactions as intents, and one way to bring them about.

Whatever keeps a transaction from an outcome is told apart here once: no node
answers (ask again later), or something of ours is broken (a verdict).
"""

from collections.abc import Iterable

from stellar_sdk import Asset, ChangeTrust, InvokeHostFunction, xdr

from backend_svc.custody import CustodyError
from backend_svc.rules.verdicts import Verdict, verdict_of_error
from backend_svc.store import transactions
from backend_svc.store.database import Database
from backend_svc.store.records import Purpose, TransactionStatus
from backend_svc.transactions import (
    Intent,
    OnSent,
    OutcomeUnknownError,
    TransactionEngine,
    TransactionOutcome,
)
from kale import calls
from kale.networks import Network
from kalepool.v1.errors_pb2 import Reason
from poolkit.errors import DatabaseUnavailable, PoolError, RpcUnavailable
from poolkit.logs import get_logger

log = get_logger(__name__)


class ContractCalls:
    """Plants, works, harvests and makes trustlines; each intent is named by the row that wants it."""

    def __init__(self, engine: TransactionEngine, database: Database, network: Network) -> None:
        self._engine = engine
        self._database = database
        self._network = network

    @property
    def network(self) -> Network:
        return self._network

    async def plant(
        self,
        planting_id: str,
        farmer_id: str,
        public_key: str,
        stake_stroops: int,
        *,
        also_indexes: Iterable[int] = (),
    ) -> TransactionOutcome | Verdict | None:
        """Plant. `also_indexes`: blocks whose pail it may open where the simulation saw another."""
        footprint = calls.plant_footprint(self._network, public_key, also_indexes, 0)
        function = calls.plant(self._network.farm_contract_id, public_key, stake_stroops)
        intent = self._call(Purpose.PLANT, planting_id, farmer_id, public_key, function, footprint.read_write)
        return await self._execute(intent)

    async def work(
        self,
        work_id: str,
        farmer_id: str,
        public_key: str,
        *,
        hash: bytes,
        nonce: int,
        on_sent: OnSent | None = None,
    ) -> TransactionOutcome | Verdict | None:
        """Hand the nonce in; the return value is the gap, a u32."""
        function = calls.work(self._network.farm_contract_id, public_key, hash, nonce)
        intent = self._call(Purpose.WORK, work_id, farmer_id, public_key, function)
        return await self._execute(intent, on_sent)

    async def harvest(
        self, harvest_id: str, farmer_id: str, public_key: str, block_index: int
    ) -> TransactionOutcome | Verdict | None:
        """Harvest a pail; the return value is the reward without the stake, an i128."""
        function = calls.harvest(self._network.farm_contract_id, public_key, block_index)
        intent = self._call(Purpose.HARVEST, harvest_id, farmer_id, public_key, function)
        return await self._execute(intent)

    async def make_trustline(self, farmer_id: str, public_key: str) -> TransactionOutcome | Verdict | None:
        """Let the account hold KALE."""
        asset = Asset(self._network.asset_code, self._network.asset_issuer)
        intent = Intent(Purpose.TRUSTLINE, farmer_id, farmer_id, public_key, ChangeTrust(asset))
        return await self._execute(intent)

    async def is_under_way(self, purpose: Purpose, reference_id: str) -> bool:
        """Whether the intent has a transaction that is in flight, or that a ledger took."""
        latest = await self._database.run(transactions.latest_of_intent, purpose, reference_id)
        return latest is not None and (
            latest.status.in_flight or latest.status is TransactionStatus.CONFIRMED
        )

    def _call(
        self,
        purpose: Purpose,
        reference_id: str,
        farmer_id: str,
        public_key: str,
        function: xdr.HostFunction,
        also_read_write: tuple[xdr.LedgerKey, ...] = (),
    ) -> Intent:
        operation = InvokeHostFunction(function)
        return Intent(purpose, reference_id, farmer_id, public_key, operation, also_read_write)

    async def _execute(
        self, intent: Intent, on_sent: OnSent | None = None
    ) -> TransactionOutcome | Verdict | None:
        """The outcome; a verdict if there will be none; None if no node answers and nothing was sent.

        Raises DatabaseUnavailable: it may be sent or not, so that is no verdict. Whoever asks stops
        here, and the row that wants it is taken up again.
        """
        try:
            return await self._engine.execute(intent, on_sent=on_sent)
        except DatabaseUnavailable:
            raise
        except RpcUnavailable:
            return None
        except CustodyError as error:
            log.error("cannot sign", farmer=intent.farmer_id, error=str(error))
            return Verdict(Reason.REASON_SIGNING_FAILED, "the farmer's key could not be used")
        except OutcomeUnknownError as error:
            log.error("transaction needs an operator", error=str(error))
            return Verdict(Reason.REASON_INTERNAL, str(error))
        except PoolError as error:
            return verdict_of_error(error)
