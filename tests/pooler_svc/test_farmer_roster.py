from collections.abc import Sequence

from pooler_svc.changes import Changes
from pooler_svc.farmer_roster import AssignedFarmer, FarmerRoster
from pooler_svc.recent_errors import RecentErrors
from poolkit.chain_clock import ChainClock
from poolkit.errors import BackendUnavailable

ACTIVE = AssignedFarmer("f1", "G…", active=True)
PAUSED = AssignedFarmer("f2", "G…", active=False)


class ScriptedSource:
    """Lists `farmers`; None: the Backend is away."""

    def __init__(self) -> None:
        self.farmers: list[AssignedFarmer] | None = [ACTIVE, PAUSED]

    async def list_assigned_farmers(self) -> Sequence[AssignedFarmer]:
        if self.farmers is None:
            raise BackendUnavailable("away")
        return self.farmers


async def test_only_active_farmers_count_and_an_outage_keeps_the_list() -> None:
    source, changes, errors = ScriptedSource(), Changes(), RecentErrors()
    roster = FarmerRoster(source, ChainClock(), changes, errors, refresh_seconds=30)
    assert roster.active_farmers is None
    await roster.refresh()
    assert roster.active_farmers == 1
    source.farmers = None
    await roster.refresh()
    assert roster.active_farmers == 1
    assert errors.newest_first()[0].reason == "REASON_BACKEND_UNAVAILABLE"


async def test_a_change_is_announced_and_the_same_list_is_not() -> None:
    source, changes = ScriptedSource(), Changes()
    roster = FarmerRoster(source, ChainClock(), changes, RecentErrors(), refresh_seconds=30)
    await roster.refresh()
    await roster.refresh()
    assert changes.version == 1
    source.farmers = []
    await roster.refresh()
    assert (changes.version, roster.active_farmers) == (2, 0)
