"""When ledgers close: every close time of the network (5 s on mainnet), at a multiple of real time."""

import asyncio

from localnet.chain.chain import Chain

_FORGIVEN_LEDGERS = 12


class LedgerClock:
    """Closes one ledger after the other, whether or not anything happens.

    A clock that is late (a busy machine) closes the missed
    ledgers at no less than half the usual distance, so that clients see each of them; it forgives itself what
    it could not catch up within a minute of chain time.
    """

    def __init__(self, chain: Chain, speed: float) -> None:
        self._chain = chain
        self._interval = chain.settings.close_milliseconds / 1_000 / speed

    def __repr__(self) -> str:
        return f"LedgerClock({self._interval:g} wall seconds a ledger)"

    async def close_ledgers_forever(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._interval
        while True:
            await asyncio.sleep(max(due - loop.time(), self._interval / 2))
            self._chain.close_ledger()
            due = max(due + self._interval, loop.time() - _FORGIVEN_LEDGERS * self._interval)
