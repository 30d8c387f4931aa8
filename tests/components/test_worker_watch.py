from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from components import worker_watch


def test_the_runners_address_is_what_beam_tells_its_workers() -> None:
    assert worker_watch.address_of('url: "localhost:37087"') == ("localhost", 37087)
    assert worker_watch.address_of('url: "[::1]:80"\n') == ("::1", 80)
    assert worker_watch.address_of("") is None


def test_a_worker_ends_when_nobody_listens_and_not_before() -> None:
    """The worker is a process that only imports the module, as Beam has it do, and then waits for ever."""
    program = "from components import worker_watch as w; w.watch(w._found, 0.05)"
    with socket.create_server(("127.0.0.1", 0)) as server:
        environment = {
            **os.environ,
            "CONTROL_API_SERVICE_DESCRIPTOR": f'url: "127.0.0.1:{server.getsockname()[1]}"',
        }
        worker = subprocess.Popen([sys.executable, "-c", program], env=environment)
        for _ in range(5):  # It looks again and again, as long as somebody is there.
            server.accept()[0].close()
        assert worker.poll() is None
    assert worker.wait(60) == 1


def test_importing_it_elsewhere_does_nothing() -> None:
    assert worker_watch._found is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_what_cannot_be_printed_is_let_go() -> None:
    """Else the run would wait for the worker's word that it has failed, which it prints first."""
    with open("/dev/full", "w", buffering=1) as full:  # noqa: PTH123
        stream = worker_watch.Forgiving(full)
        print("why", file=stream, flush=True)
        assert stream.fileno() == full.fileno()
        with pytest.raises(OSError, match="No space left"):
            print("why", file=full, flush=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())  # So that closing it can.
