"""The server in the tests' own process, for what cannot be brought about from outside."""

import contextlib
import json
import socket
import sqlite3
import threading

import pytest
from protocol.real_backend import PYTHONPATH, predict, render, until_end, wait_for

from dollygrip import protocol
from dollygrip.client import Client, FrameReady
from dollygrip.connection import BackendError, Connection, read_connection, write_connection
from dollygrip_backend.jobs.scheduler import Scheduler
from dollygrip_backend.jobs.store import JobStore
from dollygrip_backend.server import server as server_module
from dollygrip_backend.server import sessions
from dollygrip_backend.server.server import Server


@pytest.fixture
def server(request, tmp_path, monkeypatch):
    """A server that runs in a thread, where it is made: SQLite wants that. A parameter is its host."""
    monkeypatch.setenv("PYTHONPATH", PYTHONPATH)
    host = getattr(request, "param", "127.0.0.1")
    made = []

    def serve():
        made.append(Server(tmp_path / "state", host, runner="scripted:Runner"))
        made[0].run()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    wait_for(lambda: made)
    yield made[0]
    made[0].stop()
    thread.join(20)
    assert not thread.is_alive()


def test_a_bug_is_answered_and_logged_and_the_server_lives(server, monkeypatch, caplog):
    monkeypatch.setattr(Scheduler, "submit", lambda *_: 1 / 0)
    with Client.connect(server.connection) as client:
        with pytest.raises(BackendError, match="ZeroDivisionError") as caught:
            client.submit(*predict())
        assert caught.value.kind == "internal" and "log" in caught.value.hint
        assert "Traceback" in caplog.text
        assert client.hello()


def test_others_are_answered_while_a_request_is_written(server, monkeypatch):
    """Requests become jobs in the order in which they came, also the small one behind the large one."""
    write, free, begun = JobStore.write, threading.Event(), threading.Event()

    def slowly(*arguments):
        begun.set()
        assert free.wait(30)
        return write(*arguments)

    monkeypatch.setattr(JobStore, "write", slowly)
    with Client.connect(server.connection) as first, Client.connect(server.connection) as second:
        for ref, client in enumerate((first, second), 1):
            client._send(protocol.Submit(predict()[0], ref), predict()[1])
            assert begun.wait(10) and client.hello(), "it is answered before its job is there"
        free.set()
        accepted = [client._answer(protocol.Accepted, 10, ref) for ref, client in enumerate((first, second), 1)]
        assert [message.position for message in accepted] == [0, 1]
        assert [type(until_end(c, m.job_id)[-1]) for c, m in zip((first, second), accepted, strict=True)] == (
            [protocol.Done] * 2
        )


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 address of its own")
@pytest.mark.parametrize("server", ["::1", "::"], indirect=True)
def test_an_ipv6_address_serves_as_well(server):
    assert server.connection.endpoint.startswith("tcp://[::1]:")
    with Client.connect(server.connection) as client:
        assert client.hello()


def test_a_client_that_has_left_may_leave_again(server):
    with Client.connect(server.connection) as client:
        client.close()
        with Client.connect(server.connection) as other:
            assert other.hello()


def test_who_asks_and_never_reads_holds_up_nobody(server, tmp_path):
    """Heartbeats keep the connection of such a client alive."""
    with Client.connect(server.connection) as deaf:
        for _ in range(15_000):
            deaf._send(protocol.Hello())
        deaf._send(protocol.Submit(predict()[0]), predict()[1])
        with Client.connect(server.connection) as client:
            wait_for(lambda: client.hello() and any((tmp_path / "state" / "jobs").glob("*")), 60)
            assert isinstance(list(client.run(*predict()))[-1], protocol.Done)


def test_who_left_with_unread_frames_is_forgotten_and_who_waits_is_not(server, tmp_path, monkeypatch):
    """Without credit there is nothing to send to either."""
    followed = server._sessions.followed
    with Client.connect(server.connection) as waiting:
        stays = waiting.submit(*render(frames=2))
        with Client.connect(server.connection) as leaving:
            left = leaving.submit(*render(frames=2))
            with sqlite3.connect(tmp_path / "state" / "jobs.sqlite") as store:
                ended = "SELECT COUNT(*) FROM jobs WHERE state = 'done'"
                wait_for(lambda: store.execute(ended).fetchone()[0] == 2, 60)
        while waiting.poll(0.3):
            pass
        assert followed() == {stays, left}
        monkeypatch.setattr(sessions, "_CALL_S", 0.1)
        wait_for(lambda: followed() == {stays})
        assert waiting.poll(0.3) is None and waiting.hello(), "what finds it out is nothing that a client hears of"
        waiting.credit(stays, 2)
        frames = [event.index for event in until_end(waiting, stays) if isinstance(event, FrameReady)]
        assert frames == [0, 1]


REMOTE = Connection("tcp://192.0.2.1:5555", "s" * 40, "c" * 40, "x" * 40)


def test_where_the_connection_file_leads_to_a_remote_backend_none_is_served(tmp_path):
    file = write_connection(REMOTE, tmp_path)
    with pytest.raises(BackendError, match="leads to the remote backend at tcp://192") as caught:
        Server(tmp_path)
    assert caught.value.kind == "remote" and "--state" in caught.value.hint
    assert read_connection(tmp_path) == REMOTE
    file.unlink()
    Server(tmp_path).close()
    assert not file.exists()


def test_a_server_removes_no_connection_file_but_its_own(tmp_path):
    server = Server(tmp_path)
    write_connection(REMOTE, tmp_path)
    server.close()
    assert read_connection(tmp_path) == REMOTE


@pytest.mark.parametrize("step", ["prune", "requeue_running"])
def test_a_store_that_takes_nothing_is_said_at_the_start(tmp_path, monkeypatch, step):
    def full(_):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch, pytest.raises(BackendError, match="disk is full") as caught:
        patch.setattr(JobStore, step, full)
        Server(tmp_path / "state")
    assert caught.value.kind == "storage" and "free space" in caught.value.hint
    Server(tmp_path / "state").close()


@pytest.mark.parametrize("step", ["ensure_keys", "Authoriser", "JobStore", "Scheduler", "write_connection"])
def test_a_start_that_fails_leaves_nothing_open(tmp_path, monkeypatch, step):
    def broken(*_):
        raise OSError("broken")

    threads = set(threading.enumerate())
    with monkeypatch.context() as patch, pytest.raises(OSError, match="broken") as failed:
        patch.setattr(server_module, step, broken)
        Server(tmp_path)
    assert set(threading.enumerate()) == threads
    Server(tmp_path).close()
    assert set(threading.enumerate()) == threads and failed.tb, "what the error refers to holds no lock"


def test_an_address_in_use_leaves_the_state_free(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(BackendError) as failed:
            Server(tmp_path, port=taken.getsockname()[1])
    assert failed.value.kind == "address"
    Server(tmp_path).close()
    assert not (tmp_path / "connection.json").exists()


@pytest.mark.parametrize("content", [b"no database" * 100, None])
def test_a_lock_that_cannot_be_taken_is_not_said_to_be_held_by_another(tmp_path, content):
    lock = tmp_path / "server.lock"
    lock.mkdir() if content is None else lock.write_bytes(content)
    with pytest.raises(BackendError, match=r"server\.lock cannot be taken") as caught:
        Server(tmp_path)
    assert caught.value.kind == "storage" and "delete that file" in caught.value.hint


def test_a_full_disk_is_no_other_server(tmp_path):
    """The file that SQLite journals to cannot be made, as on a full disk."""
    (tmp_path / "server.lock-journal").mkdir()
    with pytest.raises(BackendError) as caught:
        Server(tmp_path)
    assert caught.value.kind == "storage"


@pytest.mark.parametrize("value", [5, "abc", "é" * 40])
def test_damaged_keys_are_said_to_be_so(tmp_path, value):
    Server(tmp_path).close()
    file = tmp_path / "keys" / "curve.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"server_secret": value}))
    with pytest.raises(BackendError, match=r"curve\.json cannot be read"):
        Server(tmp_path)
