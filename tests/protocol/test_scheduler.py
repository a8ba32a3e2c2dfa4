"""The queue with a real store and a worker that does what a test says."""

import sqlite3
from types import SimpleNamespace

import attrs
import pytest
from protocol.real_backend import image, predict, render

from dollygrip.protocol import Failed, Frame, encode
from dollygrip_backend.jobs.scheduler import Scheduler


@attrs.define
class Pool:
    """One worker; `heard`: its messages that have arrived."""

    worker: SimpleNamespace
    heard: list = attrs.field(factory=list)
    dead: bool = False

    def receive(self):
        while self.heard:
            message, parts = self.heard.pop(0)
            yield self.worker, message, parts

    def reap(self):
        if self.dead:
            self.dead = False
            yield self.worker

    def grow(self, jobs, fetches):
        pass

    def idle(self, fetches):
        return None if fetches or self.worker.job_id else self.worker

    def assign(self, worker, job_id, have):
        worker.job_id = job_id

    def free(self, worker):
        worker.job_id = ""

    def die(self):
        self.dead = True


@pytest.fixture
def pool():
    worker = SimpleNamespace(job_id="", cancelled_at=None, ready=True, fetches=False)
    pool = Pool(worker)
    worker.process = SimpleNamespace(kill=pool.die, returncode=-9)
    return pool


@pytest.fixture
def scheduler(store, pool):
    listener = SimpleNamespace(progressed=lambda _: None, moved=lambda: None, followed=set)
    return Scheduler(store, pool, listener)


def full(*_):
    raise sqlite3.OperationalError("database or disk is full")


@pytest.mark.parametrize("step", ["start", "crashed", "add_result"])
def test_a_job_that_a_full_disk_stops_has_failed(store, pool, scheduler, monkeypatch, step):
    monkeypatch.setattr(store, step, full)
    job = scheduler.submit(scheduler.prepare(*render()))
    scheduler.tick()
    if step == "crashed":
        pool.die()
    elif step == "add_result":
        pool.heard.append((Frame(job.id, 0), [b""]))
    scheduler.tick()
    assert store.get(job.id).state == "failed" and b"disk is full" in store.get(job.id).ending


def test_a_worker_may_outlive_its_job(store, pool, scheduler):
    job = scheduler.submit(scheduler.prepare(*render()))
    scheduler.tick()
    store._db.execute("UPDATE jobs SET created = 0")
    pool.heard = [(Frame(job.id, 5), encode(Frame(job.id, 5), {"rgb": image()}))] * 2  # out of order: the job fails
    scheduler.tick()
    assert store.get(job.id) is None, "it is old and nobody receives it"
    scheduler.tick()


def test_a_job_that_fails_after_it_was_cancelled_is_cancelled(store, pool, scheduler):
    """The one that takes its place frees its request, perhaps before the worker has read it."""
    job = scheduler.submit(scheduler.prepare(*render()))
    scheduler.tick()
    pool.worker.cancelled_at = 0.0
    pool.heard.append((Failed(job.id, "storage", "The job's files cannot be read."), []))
    scheduler.tick()
    assert store.get(job.id).state == "cancelled"


def test_a_store_that_cannot_make_room_still_takes_jobs(store, scheduler, monkeypatch):
    monkeypatch.setattr(store, "prune", full)
    assert scheduler.submit(scheduler.prepare(*predict())).live
