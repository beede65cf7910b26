"""The admin endpoint's paths for the chain and its clock; nodes, faults and rivals bring their own."""

from localnet.admin.clock import ClockAdmin, JumpFields, SpeedFields, StepFields
from localnet.admin.entries import EntryAdmin
from localnet.admin.load import LoadAdmin, LoadFields
from localnet.admin.requests import NoFields, Route, Routes
from localnet.admin.status import StatusAdmin
from localnet.admin.tickets import ReleaseFields, ReturnFields, TakeFields, Tickets
from localnet.chain.chain import Chain
from localnet.chain.ledger_clock import LedgerClock


def admin_routes(chain: Chain, clock: LedgerClock) -> Routes:
    tickets = Tickets(chain, clock)
    by_hand = ClockAdmin(chain, clock, tickets)
    return {
        "/status": Route(NoFields, StatusAdmin(chain, clock, tickets).get),
        "/entries": Route(NoFields, EntryAdmin(chain).get),
        "/clock/speed": Route(SpeedFields, by_hand.set_speed),
        "/clock/pause": Route(NoFields, by_hand.pause),
        "/clock/resume": Route(NoFields, by_hand.resume),
        "/clock/step": Route(StepFields, by_hand.step),
        "/clock/jump": Route(JumpFields, by_hand.jump),
        "/load": Route(LoadFields, LoadAdmin(chain).set_load),
        "/ticket/take": Route(TakeFields, tickets.take),
        "/ticket/return": Route(ReturnFields, tickets.return_),
        "/ticket/release": Route(ReleaseFields, tickets.release),
    }
