import socket
from contextlib import closing

import pytest

from poolkit.ports import KeptPort, keep_port


def test_a_free_port_is_kept_as_wanted_and_for_a_taken_one_there_is_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            KeptPort(port)
        other = keep_port(port)
        assert other.number not in (0, port)
        free = other.number
        other.close()
    wanted = keep_port(free)
    assert wanted.number == free
    wanted.close()


def test_a_port_is_kept_for_one_only_even_while_nobody_listens_on_it() -> None:
    with closing(keep_port()) as kept:
        with closing(keep_port(kept.number)) as other:
            assert other.number != kept.number
        # A service keeps the port that was kept for it.
        with closing(KeptPort(kept.number)) as of_the_service:
            assert not of_the_service.first
        number = kept.number
    with closing(keep_port(number)) as again:
        assert again.number == number


def test_a_kept_port_is_that_of_a_server_again_and_again() -> None:
    kept = keep_port()
    for _ in range(3):
        with socket.create_server(("127.0.0.1", kept.number)) as server:
            with socket.create_connection(server.getsockname()):
                pass
            with pytest.raises(OSError, match="in use"):
                socket.create_server(("127.0.0.1", kept.number))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", kept.number))
    kept.close()
    assert repr(kept) == f"<KeptPort {kept.number}>"
