"""What happens when processes die: the worker, the server, both."""

import os
import signal
import sqlite3
import time
from pathlib import Path

import attrs
import pytest
from protocol.real_backend import predict, render, until_end, wait_for

from dollygrip.client import Client, FrameReady
from dollygrip.connection import BackendError
from dollygrip.protocol import Cancelled, Done, Failed
from dollygrip_backend.workers.pool import MAX_LOG_BYTES


def frames_of(events):
    return [event.index for event in events if isinstance(event, FrameReady)]


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def worker_pid(client):
    return list(client.run(*predict()))[-1].summary["pid"]


def test_a_killed_worker_costs_no_frame(client, tmp_path):
    job = client.submit(*render(f"die=4 once={tmp_path / 'died'} sleep=0.02", frames=10))
    client.credit(job, 100)
    events = until_end(client, job)
    assert (tmp_path / "died").exists()
    assert frames_of(events) == list(range(10))
    assert isinstance(events[-1], Done) and events[-1].summary["had"] >= 1


def test_a_job_that_kills_its_worker_twice_fails_and_the_next_one_runs(client):
    job = client.submit(*render("die=4 sleep=0.02", frames=10))
    client.credit(job, 100)
    events = until_end(client, job)
    assert isinstance(events[-1], Failed)
    assert events[-1].kind == "worker" and "signal 9" in events[-1].message and events[-1].hint
    assert frames_of(events) == sorted(set(frames_of(events)))
    assert isinstance(list(client.run(*predict()))[-1], Done)


@pytest.mark.parametrize("content", [None, b"", b"damaged"])
def test_a_job_whose_request_is_gone_fails_alone(backend, client, tmp_path, content):
    first = client.submit(*predict(f"until={tmp_path / 'go'}"))
    second = client.submit(*predict())
    request = backend.state / "jobs" / second / "request"
    request.unlink() if content is None else request.write_bytes(content)
    (tmp_path / "go").touch()
    assert isinstance(until_end(client, first)[-1], Done)
    client.attach(second)
    failed = until_end(client, second)[-1]
    assert (
        isinstance(failed, Failed) and failed.kind == "storage" and "cannot be read" in failed.message and failed.hint
    )
    assert isinstance(list(client.run(*predict()))[-1], Done)


def test_a_worker_that_cannot_be_started_ends_its_jobs_and_not_the_server(backend, client):
    log = backend.state / "worker.log"
    log.mkdir()
    jobs = [client.submit(*predict()) for _ in range(2)]
    for ending in [until_end(client, job)[-1] for job in jobs]:
        assert isinstance(ending, Failed) and ending.kind == "worker" and "worker.log" in ending.message
    log.rmdir()
    assert isinstance(list(client.run(*predict()))[-1], Done)


def test_a_large_log_of_workers_makes_room_for_a_new_one_also_while_one_writes_it(backend, client):
    log, kept = backend.state / "worker.log", backend.state / "worker.log.1"
    kept.write_bytes(b"older")
    log.write_bytes(b"x" * (MAX_LOG_BYTES + 1))
    pid = worker_pid(client)
    assert log.stat().st_size < MAX_LOG_BYTES < kept.stat().st_size
    with log.open("ab") as appended:
        appended.write(b"y" * (MAX_LOG_BYTES + 1))
    wait_for(lambda: log.stat().st_size < MAX_LOG_BYTES)
    assert kept.read_bytes().endswith(b"y" * MAX_LOG_BYTES)
    assert isinstance(until_end(client, client.submit(*predict("bug=0")))[-1], Failed) and worker_pid(client) == pid
    assert "ZeroDivisionError: scripted" in log.read_text() and "\0" not in log.read_text()


def test_kill_9_from_outside_in_the_middle_of_a_job(client):
    pid = worker_pid(client)
    job = client.submit(*render("sleep=0.05", frames=20))
    client.credit(job, 100)
    wait_for(lambda: isinstance(client.poll(0.1), FrameReady))
    os.kill(pid, signal.SIGKILL)
    events = until_end(client, job)
    assert isinstance(events[-1], Done) and events[-1].summary["pid"] != pid
    assert frames_of(events) == list(range(1, 20))


def test_a_job_that_gets_on_may_lose_worker_after_worker(backend):
    with backend.client() as client:
        job = client.submit(*render("sleep=0.05", frames=24))
        client.credit(job, 100)
        for _ in range(3):
            wait_for(lambda: isinstance(client.poll(0.1), FrameReady))
            server = backend.connection.pid
            (worker,) = Path(f"/proc/{server}/task/{server}/children").read_text().split()
            os.kill(int(worker), signal.SIGKILL)
        events = until_end(client, job)
        assert isinstance(events[-1], Done) and frames_of(events)[-1] == 23


def test_a_cancelled_job_whose_worker_dies_is_cancelled(client):
    pid = worker_pid(client)
    job = client.submit(*predict("deaf=30"))
    time.sleep(0.3)
    client.cancel(job)
    os.kill(pid, signal.SIGKILL)
    assert isinstance(until_end(client, job)[-1], Cancelled)


@pytest.mark.parametrize("replaced", [False, True])
def test_what_was_cancelled_before_its_worker_heard_it_stays_so_after_a_restart(backend, replaced):
    with backend.client() as client:
        worker_pid(client)
        job = client.submit(*predict("deaf=30"))
        wait_for(lambda: "running" in states(backend))
        if replaced:
            other = client.submit(predict()[0], {}, replaces=job)
        else:
            client.cancel(job)
            client.hello()  # whose answer says that the server has read what came before
        backend.process.terminate()
        backend.process.wait(10)
    backend.start()
    with backend.client() as client:
        client.attach(job)
        assert isinstance(until_end(client, job)[-1], Cancelled)
        if replaced:
            client.attach(other)
            assert isinstance(until_end(client, other)[-1], Done)


def states(backend):
    with sqlite3.connect(backend.state / "jobs.sqlite", timeout=10) as store:
        return [row[0] for row in store.execute("SELECT state FROM jobs ORDER BY number")]


def test_the_server_is_killed_restarted_and_the_stream_goes_on(backend):
    client = backend.client()
    pid = worker_pid(client)
    job = client.submit(*render("sleep=0.05", frames=30))
    waiting = client.submit(*predict(takes=2))
    client.credit(job, 100)
    have = 0
    while have < 5:
        event = client.poll(5)
        have += isinstance(event, FrameReady)
    backend.kill()
    with pytest.raises(BackendError) as caught:
        while True:
            have += isinstance(client.poll(5), FrameReady)
    assert caught.value.kind == "lost" and "the job goes on" in caught.value.hint
    client.close()
    wait_for(lambda: gone(pid))  # no worker outlives its server
    backend.start()
    with backend.client() as client:
        client.attach(job, have)
        client.credit(job, 100)
        events = until_end(client, job)
        assert frames_of(events) == list(range(have, 30))
        assert isinstance(events[-1], Done) and events[-1].summary["had"] >= have
        client.attach(waiting)
        assert isinstance(until_end(client, waiting)[-1], Done)


def test_without_a_job_under_way_no_lost_connection_says_that_one_goes_on(backend):
    with backend.client() as client:
        assert isinstance(list(client.run(*predict()))[-1], Done)
        backend.kill()
        with pytest.raises(BackendError) as caught:
            client.submit(*predict())
    assert caught.value.kind == "lost" and "goes on" not in caught.value.hint and caught.value.hint


def test_a_client_survives_a_server_on_the_same_port(backend):
    connection = backend.connection
    port = int(connection.endpoint.rpartition(":")[2])
    with Client.connect(connection) as client:
        job = client.submit(*predict())
        assert isinstance(until_end(client, job)[-1], Done)
    backend.kill()
    assert backend.start(port) == attrs_without_pid(connection, backend.connection.pid)  # the keys are kept
    with Client.connect(connection) as client:
        client.attach(job)
        assert isinstance(until_end(client, job)[-1], Done)


def attrs_without_pid(connection, pid):
    return attrs.evolve(connection, pid=pid)
