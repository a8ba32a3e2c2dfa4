"""Jobs over real sockets: a server process, its worker processes, clients."""

import itertools
import resource
import sqlite3
import time

import attrs
import numpy as np
import pytest
from protocol.real_backend import Backend, image, predict, render, until_end, wait_for

from dollygrip.client import Client, FrameReady, TakeReady
from dollygrip.connection import BackendError
from dollygrip.protocol import Cancelled, Done, Failed, Progress, Queued


def frames_of(events):
    return [event.index for event in events if isinstance(event, FrameReady)]


def test_welcome_says_what_the_backend_offers(client):
    assert client.welcome.devices == ["cpu"]
    assert client.welcome.limits.max_frames == 20_000
    assert any(engine.name == "embedded" for engine in client.welcome.engines)


def test_a_prediction_gives_takes_then_done(client):
    events = list(client.run(*predict("go", takes=3, fps=25.0)))
    takes = [event for event in events if isinstance(event, TakeReady)]
    assert [take.index for take in takes] == [0, 1, 2]
    assert [float(take.trajectory.positions[-1, 0]) for take in takes] == [1, 2, 3]
    assert takes[0].trajectory.fps == 25.0 and takes[0].trajectory.size == (32, 20)
    assert takes[0].trajectory.meta["prompt"] == "go"
    assert isinstance(events[-1], Done) and events[-1].summary["results"] == 3
    assert any(isinstance(event, Progress) and event.stage == "camera" for event in events)


def test_a_render_gives_every_frame_in_order(client):
    events = list(client.run(*render(frames=40, size=(128, 128))))
    frames = [event for event in events if isinstance(event, FrameReady)]
    assert [frame.index for frame in frames] == list(range(40))
    assert all(np.all(frame.rgb == frame.index) and frame.rgb.shape == (128, 128, 3) for frame in frames)
    assert isinstance(events[-1], Done)


def test_no_frame_comes_without_credit_and_none_is_lost(client):
    job = client.submit(*render(frames=10))
    wait_for(lambda: isinstance(client.poll(0.1), Progress))
    time.sleep(0.5)  # all is rendered by now
    events = [event for _ in range(30) if (event := client.poll(0.02))]
    assert not frames_of(events) and not any(isinstance(event, Done) for event in events)
    client.credit(job, 4)
    events = [event for _ in range(20) if (event := client.poll(0.05))]
    assert frames_of(events) == [0, 1, 2, 3]
    client.credit(job, 100)
    events = until_end(client, job)
    assert frames_of(events) == [4, 5, 6, 7, 8, 9]
    assert isinstance(events[-1], Done)
    assert client.poll(0.3) is None  # one terminal event


def test_jobs_wait_in_line_and_say_where(backend, client):
    with backend.client() as other:
        first = client.submit(*predict("sleep=0.3", takes=3))
        second = other.submit(*predict())
        third = client.submit(*predict())
        events = until_end(other, second)
        assert [event.position for event in events if isinstance(event, Queued)] == [1, 0]
        assert isinstance(events[-1], Done)
        ends = {}
        while len(ends) < 2:
            event = client.poll(5)
            if isinstance(event, Done):
                ends[event.job_id] = event
        assert list(ends) == [first, third]


def test_cancel_hits_its_own_job_alone(backend, client):
    with backend.client() as other:
        running = client.submit(*render("sleep=0.05", frames=200))
        client.credit(running, 500)
        queued = other.submit(*predict())
        doomed = other.submit(*predict())
        other.cancel(doomed)
        assert [type(event) for event in until_end(other, doomed)] == [Queued, Cancelled]
        wait_for(lambda: isinstance(client.poll(0.1), FrameReady))
        asked = time.monotonic()
        client.cancel(running)
        events = until_end(client, running)
        assert isinstance(events[-1], Cancelled)
        assert time.monotonic() - asked < 1.0
        assert isinstance(until_end(other, queued)[-1], Done)
        client.cancel(running)  # too late, and no harm
        assert client.poll(0.3) is None


def test_leaving_run_early_cancels_the_job(client):
    events = client.run(*render("sleep=0.05", frames=200))
    first = next(event for event in events if isinstance(event, FrameReady))
    events.close()
    assert isinstance(until_end(client, first.job_id)[-1], Cancelled)


@pytest.mark.parametrize(
    ("prompt", "kind", "words"),
    [("fail=1", "input", "The scripted job fails."), ("bug=1", "internal", "ZeroDivisionError: scripted")],
)
def test_a_failing_job_says_why_and_the_worker_lives_on(client, prompt, kind, words):
    job = client.submit(*predict(prompt, takes=3))
    events = until_end(client, job)
    assert isinstance(events[-1], Failed)
    assert events[-1].kind == kind and words in events[-1].message and events[-1].hint
    with pytest.raises(BackendError) as caught:
        list(client.run(*predict(prompt, takes=3)))
    assert caught.value.kind == kind
    assert isinstance(list(client.run(*predict()))[-1], Done)


def test_what_was_finished_before_a_failure_is_kept(backend, client):
    job = client.submit(*render("fail=5", frames=12))
    client.credit(job, 100)
    events = until_end(client, job)
    assert frames_of(events) == list(range(5)) and isinstance(events[-1], Failed)
    with backend.client() as later:
        later.attach(job, have=2)
        later.credit(job, 100)
        events = until_end(later, job)
        assert frames_of(events) == [2, 3, 4] and isinstance(events[-1], Failed)


def test_a_disk_that_takes_no_more_ends_the_job_and_spares_what_it_has(backend, client):
    """A limit on the size of the server's files stands for the full disk: the write of a larger frame fails."""
    small = client.submit(*render(frames=3))
    client.credit(small, 100)
    assert isinstance(until_end(client, small)[-1], Done)
    before = resource.prlimit(backend.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(backend.process.pid, resource.RLIMIT_FSIZE, (200_000, before[1]))
    job = client.submit(*render(frames=3, size=(512, 512)))
    client.credit(job, 100)
    failed = until_end(client, job)[-1]
    assert isinstance(failed, Failed) and failed.kind == "storage" and "free space" in failed.hint
    resource.prlimit(backend.process.pid, resource.RLIMIT_FSIZE, before)
    client.attach(small)
    client.credit(small, 100)
    assert frames_of(until_end(client, small)) == [0, 1, 2]
    again = client.submit(*render(frames=3, size=(512, 512)))
    client.credit(again, 100)
    assert isinstance(until_end(client, again)[-1], Done)


def test_a_disk_that_takes_nothing_at_all_ends_jobs_and_not_the_server(backend, client):
    job = client.submit(*render("sleep=0.1", frames=20))
    waiting = client.submit(*predict())
    client.credit(job, 100)
    wait_for(lambda: isinstance(client.poll(0.1), FrameReady))
    before = resource.prlimit(backend.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(backend.process.pid, resource.RLIMIT_FSIZE, (0, before[1]))
    assert until_end(client, job)[-1].kind == "storage"
    assert until_end(client, waiting)[-1].kind == "storage"
    with pytest.raises(BackendError) as caught:
        client.submit(*predict())
    assert caught.value.kind == "storage"
    resource.prlimit(backend.process.pid, resource.RLIMIT_FSIZE, before)
    assert isinstance(list(client.run(*predict()))[-1], Done)
    backend.kill()
    backend.start()
    with backend.client() as client:
        client.attach(job, have=1)
        client.credit(job, 100)
        assert until_end(client, job)[-1].kind == "storage", "it ended before the server did"


def test_old_jobs_are_forgotten_while_the_server_runs_but_not_what_someone_receives(backend, client):
    def age():
        with sqlite3.connect(backend.state / "jobs.sqlite", timeout=10) as store:
            store.execute("UPDATE jobs SET created = 0 WHERE state = 'done'")

    def kept():
        return {path.name for path in (backend.state / "jobs").iterdir()}

    read, unread = client.submit(*predict()), client.submit(*render(frames=3))
    until_end(client, read)
    wait_for(lambda: b"Done" in b"".join(ending for (ending,) in endings(backend, unread)))
    age()
    last = list(client.run(*predict()))[-1].job_id
    wait_for(lambda: kept() == {unread, last})
    client.credit(unread, 100)
    events = until_end(client, unread)
    assert frames_of(events) == [0, 1, 2] and isinstance(events[-1], Done)
    age()
    newest = client.submit(*predict("sleep=1"))
    assert kept() == {newest}, "a new job makes room, too"


def endings(backend, job_id):
    with sqlite3.connect(backend.state / "jobs.sqlite", timeout=10) as store:
        return store.execute("SELECT ending FROM jobs WHERE id = ? AND ending IS NOT NULL", (job_id,)).fetchall()


def changed(request_and_arrays, **arrays):
    return request_and_arrays[0], request_and_arrays[1] | arrays


def nan_pose():
    c2w = np.tile(np.eye(4), (12, 1, 1))
    c2w[7, 0, 3] = np.nan
    return c2w


REFUSED = [
    (predict(" "), "prompt is empty"),
    (predict("x" * 2001), "2001 characters"),
    (predict(takes=0), "takes is 0"),
    (predict(takes=17), "takes is 17"),
    (predict(fps=0.0), "frame rate is 0"),
    (predict(size=(8, 100)), "8x100"),
    (predict(view_degrees=180.0), "180"),
    (predict(scene_depth=-1.0), "scene depth is -1"),
    (predict(seed=-1), "The seed is -1; it must be from 0 to 9223372036854775807."),
    (predict(subject=(1.5, 0.5)), "outside"),
    (changed(predict(), image=image(8, 8)), "8x8"),
    (changed(predict(), depth=np.ones((5, 5), np.float32)), "5x5"),
    (changed(render(), c2w=nan_pose()), "Frame 7"),
    (changed(render(), c2w=np.tile(np.eye(4), (11, 1, 1))), "(11, 4)"),
    (render(frames=2001), "2001"),
    (render(size=(63, 63)), "63x63"),
    (render(size=(128, 64)), "aspect"),
]


def test_bad_requests_are_refused_in_one_sentence_and_nothing_is_queued(client):
    for (request, arrays), words in REFUSED:
        with pytest.raises(BackendError) as caught:
            client.submit(request, arrays)
        assert words in caught.value.message, caught.value.message
        assert caught.value.kind in ("input", "trajectory") and "\n" not in str(caught.value)
    assert isinstance(list(client.run(*predict()))[-1], Done)


@pytest.mark.parametrize("frames", [0, -1, 100_000])
def test_frame_counts_out_of_bounds_are_refused(client, frames):
    request, arrays = predict()
    with pytest.raises(BackendError, match=f"number of frames is {frames}"):
        client.submit(attrs.evolve(request, frames=frames), arrays)


def test_a_client_that_leaves_harms_no_one_and_can_come_back(backend):
    with backend.client() as client:
        job = client.submit(*render("sleep=0.02", frames=20))
    with backend.client() as client:
        client.attach(job, have=5)
        client.credit(job, 100)
        events = until_end(client, job)
        assert frames_of(events) == list(range(5, 20)) and isinstance(events[-1], Done)
        client.attach(job, have=20)
        assert [type(event) for event in until_end(client, job)] == [Done]
        with pytest.raises(BackendError, match="20 results"):
            client.attach(job, have=21)
        with pytest.raises(BackendError, match="no job") as caught:
            client.attach("0" * 32)
        assert caught.value.kind == "unknown"


def test_two_clients_follow_one_job(backend, client):
    job = client.submit(*render("sleep=0.02", frames=10))
    client.credit(job, 100)
    with backend.client() as other:
        other.attach(job)
        other.credit(job, 100)
        assert frames_of(until_end(other, job)) == list(range(10))
    assert frames_of(until_end(client, job)) == list(range(10))


def test_models_are_loaded_once_and_released_when_idle(tmp_path):
    backend = Backend(tmp_path / "state", idle_s=0.5)
    backend.start()
    try:
        with backend.client() as client:
            pids = [list(client.run(*predict()))[-1].summary["pid"] for _ in range(2)]
            assert pids[0] == pids[1]
            time.sleep(1.2)
            assert list(client.run(*predict()))[-1].summary["pid"] != pids[0]
    finally:
        backend.close()


def test_hello_is_answered_while_a_job_runs(backend, client):
    job = client.submit(*predict("sleep=0.2", takes=10))
    waits = []
    for _ in itertools.repeat(None, 20):
        before = time.monotonic()
        Client.connect(backend.connection).close()
        waits.append(time.monotonic() - before)
    assert sorted(waits)[10] < 0.2  # handshake, keys and all; bench/hello_latency.py measures it properly
    client.cancel(job)


def test_results_that_were_deleted_are_said_to_be_gone(backend, client):
    job = client.submit(*render(frames=10))
    client.credit(job, 100)
    until_end(client, job)
    (backend.state / "jobs" / job / "000004").unlink()
    (backend.state / "jobs" / job / "000002").write_bytes(b"\1\0")
    for have, words in ((0, "Result 2"), (3, "Result 4")):
        client.attach(job, have)
        client.credit(job, 100)
        failed = until_end(client, job)[-1]
        assert isinstance(failed, Failed) and failed.kind == "storage" and words in failed.message
    client.attach(job, have=5)
    client.credit(job, 100)
    assert isinstance(until_end(client, job)[-1], Done)
