"""Whatever farmers and strangers do, the books of the chain add up after every ledger."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localnet.transactions.queue import SendStatus
from tests.localnet.play import Play
from tests.localnet.properties.books import Books
from tests.localnet.properties.moves import FARMERS, KINDS, Move, begin, transaction

_FARMER = st.integers(0, len(FARMERS) - 1)
_MOVE = st.builds(
    Move,
    kind=st.sampled_from(KINDS),
    farmer=_FARMER,
    other=_FARMER,
    number=st.integers(0, 255),
    payer=st.none() | st.none() | st.none() | _FARMER,
)
#: The moves that try to come into one ledger, and how many seconds of chain time it takes.
_LEDGER = st.tuples(st.lists(_MOVE, min_size=1, max_size=4), st.sampled_from([5, 5, 5, 60, 300]))


@settings(max_examples=35, suppress_health_check=list(HealthCheck))
@given(st.lists(_LEDGER, min_size=8, max_size=30))
def test_the_books_add_up_after_every_ledger(ledgers: list[tuple[list[Move], int]]) -> None:
    play = Play()
    begin(play)
    books = Books(play.chain)
    for moves, seconds in ledgers:
        for move in moves:
            envelope = transaction(play, move)
            if envelope is not None:
                assert play.send(envelope).status in SendStatus
        books.check(play.chain.close_ledger(seconds))
