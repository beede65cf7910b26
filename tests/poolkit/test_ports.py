import os
import resource
import socket
import subprocess
import sys
from contextlib import closing

import psutil
import pytest

from poolkit.ports import KeptPort, keep_port

keeps_ports = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux can keep a port that is not listened on"
)


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


@keeps_ports
def test_a_port_is_kept_for_one_only_even_while_nobody_listens_on_it() -> None:
    kept = keep_port()
    with closing(keep_port(kept.number)) as other:
        assert other.number != kept.number
    # A service keeps the port that was kept for it, and nobody else gets it meanwhile.
    with closing(KeptPort(kept.number)) as of_the_service:
        assert not of_the_service.first
        kept.close()
        with closing(keep_port(kept.number)) as again:
            assert again.number == kept.number


@keeps_ports
def test_a_port_is_kept_against_other_processes_until_the_process_that_keeps_it_is_killed() -> None:
    program = (
        "from poolkit.ports import keep_port; kept = keep_port(); print(kept.number, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        number = int(process.stdout.readline())
        with closing(KeptPort(number)) as meanwhile:
            assert not meanwhile.first
            with closing(keep_port(number)) as other:
                assert other.number != number
            process.kill()
            process.wait()
            with closing(keep_port(number)) as again:
                assert again.number == number


@keeps_ports
def test_where_nothing_can_be_kept_that_is_told_and_nothing_stays_open() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = psutil.Process().num_fds()
    lowest_free = os.dup(0)
    os.close(lowest_free)
    # One file more: the port's own socket. None is left to keep the port by.
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + 1, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            keep_port()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert psutil.Process().num_fds() == files


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
