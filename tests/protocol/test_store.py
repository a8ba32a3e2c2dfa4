"""The job store on its own: what it keeps, what it forgets, what survives a restart."""

import resource
import sqlite3

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from protocol.real_backend import predict, render

from dollygrip.errors import DollygripError
from dollygrip.protocol import Cancelled, Done, Failed, Frame, LookRequest, decode, encode
from dollygrip_backend.jobs.store import JobStore
from dollygrip_backend.stored import job_folder, read_parts, read_request, result_name, write_parts
from dollygrip_backend.workers.finished import FinishedResults


@given(parts=st.lists(st.binary(max_size=50), max_size=5))
def test_parts_come_back_from_a_file(tmp_path_factory, parts):
    path = tmp_path_factory.mktemp("parts") / "file"
    size = write_parts(path, parts)
    assert [bytes(part) for part in read_parts(path)] == parts
    assert path.stat().st_size == size and [p.name for p in path.parent.iterdir()] == ["file"]


@given(st.data())
def test_a_damaged_file_is_noticed(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("parts") / "file"
    write_parts(path, [b"header", b"pixels"])
    path.write_bytes(path.read_bytes()[: data.draw(st.integers(0, path.stat().st_size - 1))])
    with pytest.raises(ValueError, match="damaged"):
        read_parts(path)


@given(arrays(np.uint8, (4, 5, 3)))
def test_a_request_is_kept_as_it_was_sent(tmp_path_factory, image):
    state = tmp_path_factory.mktemp("state")
    store = JobStore(state)
    request, _ = predict("push in", takes=2)
    job = store.create(store.write(request, {"image": image}))
    asked, back = read_request(state, job.id)
    assert asked == request and np.array_equal(back["image"], image)
    store.close()


def test_results_count_only_in_order_and_once(store):
    job = store.create(store.write(*predict()))
    store.add_result(job.id, 0, [b"a"])
    for wrong in (0, 2):
        with pytest.raises(ValueError, match="out of order"):
            store.add_result(job.id, wrong, [b"b"])
    assert store.get(job.id).results == 1 and bytes(store.result(job.id, 0)[0]) == b"a"


def test_a_job_ends_once(store):
    job = store.create(store.write(*predict()))
    assert store.end(Cancelled(job.id))
    assert not store.end(Done(job.id))
    assert not store.end(Failed(job.id, "input", "no"))
    assert store.get(job.id).state == "cancelled" and store.queued() == []


class FullDisk:
    """A database whose disk takes no more while `full`."""

    def __init__(self, database):
        self.database, self.full = database, True

    def execute(self, statement, *values):
        if self.full and not statement.startswith("SELECT"):
            raise sqlite3.OperationalError("database or disk is full")
        return self.database.execute(statement, *values)

    def close(self):
        self.database.close()


def test_an_ending_that_the_disk_does_not_take_counts_and_is_stored_later(tmp_path):
    store = JobStore(tmp_path)
    job, other = store.create(store.write(*predict())), store.create(store.write(*predict()))
    disk = store._db = FullDisk(store._db)
    assert store.end(Done(job.id)) and not store.end(Cancelled(job.id))
    assert store.get(job.id).state == "done" and decode([store.get(job.id).ending])[0] == Done(job.id)
    assert [waiting.id for waiting in store.queued()] == [other.id]
    store.save_endings()
    disk.full = False
    store.save_endings()
    store.close()
    store = JobStore(tmp_path)
    assert store.get(job.id).state == "done"
    store.close()


def test_a_request_that_cannot_be_stored_leaves_nothing_behind(store, tmp_path):
    store._db = FullDisk(store._db)
    with pytest.raises(sqlite3.Error):
        store.create(store.write(*predict()))
    assert not list((tmp_path / "state" / "jobs").iterdir())


def test_what_is_no_job_yet_is_not_swept_away(store):
    asked = store.write(*predict())
    store.end(Done(store.create(store.write(*predict())).id))
    assert store.prune(max_age_s=-1) == 1
    job = store.create(asked)
    assert store.arrays(job.id)["image"].shape == (20, 32, 3)


def test_parts_that_do_not_fit_leave_nothing_behind(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))  # stands for the full disk
    try:
        with pytest.raises(OSError, match="too large"):
            write_parts(tmp_path / "file", [b"header", bytes(100_000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_a_look_ahead_is_no_job_that_one_waits_for(store):
    look = store.create(store.write(LookRequest(), predict()[1]))
    asked = store.create(store.write(*predict()))
    assert [store.position(job.id) for job in (look, asked)] == [0, 0]
    assert store.position(store.create(store.write(*predict())).id) == 1


def test_positions_count_the_jobs_ahead(store):
    jobs = [store.create(store.write(*predict())) for _ in range(4)]
    store.start(jobs[0].id)
    store.end(Cancelled(jobs[2].id))
    assert [store.position(job.id) for job in jobs] == [0, 1, 0, 2]


def test_after_a_restart_running_jobs_wait_again_with_their_results(tmp_path):
    store = JobStore(tmp_path)
    first, second = (store.create(store.write(*predict())) for _ in range(2))
    store.start(first.id)
    store.add_result(first.id, 0, [b"kept"])
    store.close()
    store = JobStore(tmp_path)
    assert store.requeue_running() == 1
    assert [(job.id, job.results) for job in store.queued()] == [(first.id, 1), (second.id, 0)]
    store.close()


def test_old_and_large_results_are_forgotten_live_jobs_never(tmp_path):
    store = JobStore(tmp_path)
    jobs = [store.create(store.write(*predict())) for _ in range(3)]
    for job in jobs:
        store.add_result(job.id, 0, [bytes(100_000)])
    store.end(Done(jobs[0].id))
    store.end(Done(jobs[1].id))
    (tmp_path / "jobs" / "leftover").mkdir()
    assert store.prune(max_bytes=250_000) == 1
    assert store.get(jobs[0].id) is None and store.get(jobs[1].id) is not None
    assert sorted(path.name for path in (tmp_path / "jobs").iterdir()) == sorted(job.id for job in jobs[1:])
    assert store.prune(max_age_s=-1) == 1
    assert [job.id for job in store.queued()] == [jobs[2].id]
    store.end(Done(jobs[2].id))
    assert store.prune({jobs[2].id}, max_age_s=-1) == 0 and store.get(jobs[2].id) is not None
    (tmp_path / "jobs" / "leftover").mkdir()
    store.close()
    JobStore(tmp_path).close()
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == [jobs[2].id]


def test_a_worker_reads_the_frames_that_are_there_and_names_one_that_is_damaged(store, tmp_path):
    job = store.create(store.write(*render(frames=3)))
    frames = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    for index, rgb in enumerate(frames):
        store.add_result(job.id, index, encode(Frame(job.id, index), {"rgb": rgb}))
    folder = job_folder(tmp_path / "state", job.id)
    finished = FinishedResults(folder, 2)
    assert len(finished) == 2 and np.array_equal(list(finished), frames[:2]) and finished[1].flags.writeable
    (folder / result_name(1)).write_bytes(b"")
    with pytest.raises(DollygripError, match="Frame 1 of the interrupted job") as caught:
        finished[1]
    assert caught.value.kind == "storage" and caught.value.hint
