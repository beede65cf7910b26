"""Takes up what an earlier life, or a lost COMMIT, left unfinished."""

from backend_svc.background import BackgroundTasks
from backend_svc.harvesting import Harvester
from backend_svc.planting import Planter
from backend_svc.transactions import TransactionEngine
from backend_svc.working import Worker
from poolkit.chain_clock import ChainClock


class Resumer:
    """At start and every so many chain seconds."""

    def __init__(
        self,
        engine: TransactionEngine,
        planter: Planter,
        worker: Worker,
        harvester: Harvester,
        tasks: BackgroundTasks,
        clock: ChainClock,
        interval_seconds: int,
    ) -> None:
        self._engine = engine
        self._planter = planter
        self._worker = worker
        self._harvester = harvester
        self._tasks = tasks
        self._clock = clock
        self._interval_seconds = interval_seconds

    async def resume_forever(self) -> None:
        """Until cancelled."""
        await self._clock.wait_for_ledger(0)
        # In the background: a transaction of the last life may take ledgers to its outcome.
        self._tasks.start("recover transactions", self._recover)
        while True:
            await self._planter.resume()
            await self._worker.resume()
            await self._harvester.resume()
            await self._clock.sleep(self._interval_seconds)

    async def _recover(self) -> None:
        await self._engine.recover()
