"""Takes jobs from the store to the workers and their results back. Never blocks, but in `prepare`."""

import logging
import sqlite3
from typing import Any, Protocol

from dollygrip.connection import BackendError
from dollygrip.protocol import (
    Achieved,
    Cancelled,
    Depth,
    Done,
    Failed,
    Frame,
    Message,
    Progress,
    Request,
    Take,
    check_arrays,
)
from dollygrip_backend.jobs.store import Asked, Job, JobStore
from dollygrip_backend.jobs.validation import validate
from dollygrip_backend.workers.pool import WorkerPool, WorkerProcess

MAX_CRASHES = 2  # a job that fails a second time would most likely fail for ever
log = logging.getLogger("dollygrip.jobs")


class Listener(Protocol):
    """Who wants to know: the server."""

    def progressed(self, progress: Progress) -> None: ...

    def moved(self) -> None:
        """The queue has changed."""

    def followed(self) -> set[str]:
        """Ids of the jobs that someone receives."""


class Scheduler:
    """The queue: first come first served, one job on each device; models are fetched beside it, one at a time."""

    def __init__(self, store: JobStore, pool: WorkerPool, listener: Listener):
        self._store, self._pool, self._listener = store, pool, listener
        self._failed_starts = {False: 0, True: 0}  # of workers for devices; of the one that fetches models
        if again := store.requeue_running():
            log.info("%d jobs that were interrupted go on", again)

    def prepare(self, request: Request, arrays: dict[str, Any], replaces: str = "") -> Asked:
        """Check a request and write it to disk, for `submit`; on any thread. Raises InputError where it cannot be done.

        replaces: id of a job whose place it takes, whose arrays are used where there are none.
        """
        if replaces and not arrays:
            try:
                arrays = self._store.arrays(replaces)
            except (OSError, ValueError) as error:
                raise BackendError(
                    "The pictures of the earlier job are gone.", "Send them again.", "unknown"
                ) from error
            check_arrays(request, arrays)
        return self._store.write(validate(request, arrays), arrays)

    def submit(self, asked: Asked, replaces: str = "") -> Job:
        """Queue a request that was prepared. replaces: id of a job whose place it takes, and which is cancelled."""
        job = self._store.create(asked)
        if replaces:
            self.cancel(replaces)
            self._store.drop_request(replaces)
        self._make_room()
        return job

    def cancel(self, job_id: str) -> None:
        """Cancel a queued job at once, a running one with its next step; one that has ended stays as it is."""
        worker = self._pool.of_job(job_id)
        if worker is not None:
            self._pool.cancel(worker)
            self._store.cancelling(job_id)
        else:
            self._end(Cancelled(job_id))

    def tick(self) -> None:
        """Everything that is due now."""
        self._store.save_endings()
        for worker, message, parts in self._pool.receive():
            self._heard(worker, message, parts)
        for worker in self._pool.reap():
            self._lost(worker)
        self._grow()
        for job in self._store.queued():
            worker = self._pool.idle(job.fetches)
            if worker is None:
                continue
            try:
                self._store.start(job.id)
            except sqlite3.Error as error:
                self._end(_not_stored(job.id, error))
                continue
            self._pool.assign(worker, job.id, job.results)
            self._listener.moved()

    def _grow(self) -> None:
        """Start workers for what waits."""
        queued = self._store.queued()
        for fetches in (False, True):
            try:
                self._pool.grow(sum(job.fetches == fetches for job in queued), fetches)
            except OSError as error:  # its log cannot be written, or the system allows no more processes or files
                log.error("a worker cannot be started: %s", error)
                self._not_started(fetches, f": {error}")

    def _heard(self, worker: WorkerProcess, message: Message, parts: list[Any]) -> None:
        if getattr(message, "job_id", None) != worker.job_id:
            return
        if isinstance(message, Progress):
            self._listener.progressed(message)
        elif isinstance(message, Take | Frame | Depth | Achieved):
            try:
                self._store.add_result(worker.job_id, message.index, parts)
            except (OSError, ValueError, sqlite3.Error) as error:
                self._end(_not_stored(worker.job_id, error))
                worker.process.kill()
                return
        elif isinstance(message, Done | Failed | Cancelled):
            gave_up = isinstance(message, Failed) and worker.cancelled_at is not None  # its request may be gone by then
            self._end(Cancelled(worker.job_id) if gave_up else message)
            self._pool.free(worker)

    def _lost(self, worker: WorkerProcess) -> None:
        """A worker's process is gone."""
        if worker.job_id:
            self._interrupted(self._store.get(worker.job_id), worker)
        elif worker.ready:
            self._failed_starts[worker.fetches] = 0
        else:
            self._not_started(worker.fetches)

    def _interrupted(self, job: Job | None, worker: WorkerProcess) -> None:
        """The worker of a running job is gone: run the job again, unless that happened since its last result, too."""
        if job is None or not job.live:  # it failed here before the worker ended, and may be pruned since
            return
        if worker.cancelled_at is not None:
            self._end(Cancelled(job.id))
        elif job.crashes + 1 < MAX_CRASHES:
            log.warning("job %s goes on at result %d in a new worker", job.id, job.results)
            try:
                self._store.crashed(job.id)
            except sqlite3.Error as error:
                self._end(_not_stored(job.id, error))
            else:
                self._listener.moved()
        else:
            code = worker.process.returncode
            how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
            hint = "Use a smaller size or fewer frames if memory is short; the backend's log may say more."
            self._end(Failed(job.id, "worker", f"The worker process of the job {how}, twice in a row.", hint))

    def _not_started(self, fetches: bool, why: str = "") -> None:
        """A worker ended before it was ready, or there was none; if a second one does so, no such job can be done."""
        self._failed_starts[fetches] += 1
        if self._failed_starts[fetches] < MAX_CRASHES:
            return
        self._failed_starts[fetches] = 0
        hint = "Run `dollygrip doctor`; the backend's log says more."
        for job in self._store.queued():
            if job.fetches == fetches:
                self._end(Failed(job.id, "worker", f"The worker process of the backend does not start{why}.", hint))

    def _end(self, message: Done | Failed | Cancelled) -> None:
        if self._store.end(message):
            self._listener.moved()
            self._make_room()

    def _make_room(self) -> None:
        """Keep the store within its bounds, but never take from a client what it still receives."""
        try:
            self._store.prune(self._listener.followed())
        except sqlite3.Error as error:
            log.warning("the job store cannot be pruned: %s", error)


def _not_stored(job_id: str, error: Exception) -> Failed:
    log.error("job %s cannot be stored: %s", job_id, error)
    hint = "Check the disk that holds the state folder, and its free space."
    return Failed(job_id, "storage", f"The job's files cannot be stored or read: {error}.", hint)
