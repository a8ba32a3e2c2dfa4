"""Jobs and their results on disk: SQLite (WAL) for the states, one file for each request and result.

A result file holds the parts of the wire message that announces it, so that what is stored is what is sent. It is
complete on disk before its number counts; result k exists if k < Job.results.
"""

import contextlib
import shutil
import sqlite3
import time
import uuid
from collections.abc import Collection
from pathlib import Path
from typing import Any

import attrs

from dollygrip.protocol import PROTOCOL_VERSION, Cancelled, Done, Failed, FetchRequest, LookRequest, encode
from dollygrip.state_folder import private_dir
from dollygrip_backend.stored import (
    REQUEST,
    job_folder,
    read_parts,
    read_request,
    result_name,
    write_parts,
    write_request,
)

MAX_AGE_S = 30 * 86400
MAX_BYTES = 20 * 2**30

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT UNIQUE NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    crashes INTEGER NOT NULL DEFAULT 0,
    results INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    ending BLOB
);
"""
_LIVE = "state IN ('queued', 'running', 'cancelling')"


@attrs.frozen
class Asked:
    """A request that is on disk, but no job yet: the id it will have, its class, the size of its file in bytes."""

    id: str
    kind: str
    bytes: int


@attrs.frozen
class Job:
    """One row.

    kind: class of its request; ending: header of its Done, Failed or Cancelled message, None until it has ended.
    """

    id: str
    kind: str
    state: str
    crashes: int
    results: int
    ending: bytes | None

    @property
    def fetches(self) -> bool:
        """Whether it is one of those that need no device, and wait for none."""
        return self.kind == FetchRequest.__name__

    @property
    def live(self) -> bool:
        return self.ending is None


class JobStore:
    """The jobs of one state folder. Belongs to one process, and but for `write` and `arrays` to one thread."""

    def __init__(self, folder: Path):
        self._folder = private_dir(folder)
        self._writing: set[str] = set()  # ids of what is on its way to disk, or there, and no job yet
        self._unsaved: dict[str, tuple[str, bytes]] = {}  # states and endings that the disk has not taken yet
        self._db = sqlite3.connect(folder / "jobs.sqlite", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        if self._db.execute("PRAGMA user_version").fetchone()[0] != PROTOCOL_VERSION:
            # Stored messages of another protocol cannot be read any more.
            self._db.execute("DROP TABLE IF EXISTS jobs")
            shutil.rmtree(folder / "jobs", ignore_errors=True)
            self._db.execute(f"PRAGMA user_version = {PROTOCOL_VERSION}")
        self._db.execute(_SCHEMA)
        private_dir(folder / "jobs")
        self._sweep()

    def close(self) -> None:
        self._db.close()

    def write(self, request: Any, arrays: dict[str, Any]) -> Asked:
        """Write a request to disk, which may take seconds: on any thread; `create` makes a job of it.

        Raises OSError, and leaves nothing, where it cannot.
        """
        job_id = uuid.uuid4().hex
        self._writing.add(job_id)
        try:
            return Asked(job_id, type(request).__name__, write_request(self._folder, job_id, request, arrays))
        except Exception:
            self._drop(job_id)
            raise

    def create(self, asked: Asked) -> Job:
        """Make a queued job of a request; raises sqlite3.Error, and leaves nothing, where it cannot."""
        row = (asked.id, asked.kind, asked.bytes, time.time())
        try:
            self._db.execute("INSERT INTO jobs (id, kind, bytes, created) VALUES (?, ?, ?, ?)", row)
        except sqlite3.Error:
            self._drop(asked.id)
            raise
        self._writing.discard(asked.id)
        return self.get(asked.id)

    def _drop(self, job_id: str) -> None:
        shutil.rmtree(job_folder(self._folder, job_id), ignore_errors=True)
        self._writing.discard(job_id)

    def get(self, job_id: str) -> Job | None:
        rows = self._select("WHERE id = ?", job_id)
        return rows[0] if rows else None

    def queued(self) -> list[Job]:
        """Jobs that wait, first come first."""
        return [job for job in self._select("WHERE state = 'queued' ORDER BY number") if job.live]

    def position(self, job_id: str) -> int:
        """How many jobs are ahead of this one; 0 where it runs or has ended."""
        return self.positions().get(job_id, 0)

    def positions(self) -> dict[str, int]:
        """How many jobs are ahead of each that has not ended; 0 for those that run. No other waits for those that
        fetch, and a look ahead is soon over, and none that anyone has asked for."""
        before = "PARTITION BY kind = ? ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
        ahead = f"(state = 'queued') * COALESCE(SUM(kind <> ?) OVER ({before}), 0)"
        kinds = LookRequest.__name__, FetchRequest.__name__
        rows = self._db.execute(f"SELECT id, {ahead} FROM jobs WHERE {_LIVE}", kinds)
        return {job_id: position for job_id, position in rows if job_id not in self._unsaved}

    def arrays(self, job_id: str) -> dict[str, Any]:
        """The arrays that a job was created with, read-only; on any thread.

        Raises OSError or ValueError where they are gone.
        """
        return read_request(self._folder, job_id)[1]

    def drop_request(self, job_id: str) -> None:
        """Free the disk of the request of a job that will not be run again; its results stay.

        What cannot be freed now goes when the job is pruned.
        """
        path = self._path(job_id, REQUEST)
        with contextlib.suppress(OSError, sqlite3.Error):  # Windows keeps a file that a worker is reading
            size = path.stat().st_size
            path.unlink()
            self._db.execute("UPDATE jobs SET bytes = bytes - ? WHERE id = ?", (size, job_id))

    def start(self, job_id: str) -> None:
        self._db.execute("UPDATE jobs SET state = 'running' WHERE id = ?", (job_id,))

    def crashed(self, job_id: str) -> None:
        """Put a running job back to its place in the queue and remember that it cost a worker."""
        self._db.execute("UPDATE jobs SET state = 'queued', crashes = crashes + 1 WHERE id = ?", (job_id,))

    def cancelling(self, job_id: str) -> None:
        """Remember that a running job is to end, should the server end before it.

        Where the disk does not take that, the job is run again after such an end.
        """
        with contextlib.suppress(sqlite3.Error):
            self._db.execute("UPDATE jobs SET state = 'cancelling' WHERE id = ? AND state = 'running'", (job_id,))

    def requeue_running(self) -> int:
        """After a restart: end what was to end, and put the rest of what ran back to its place; returns how many."""
        for job in self._select("WHERE state = 'cancelling'"):
            self.end(Cancelled(job.id))
        return self._db.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'").rowcount

    def add_result(self, job_id: str, index: int, parts: list[Any]) -> None:
        """Store result `index`; after this it may be announced. Raises ValueError where it is not the next one.

        A job that gets on may lose workers as often as it must: crashes count since its last result.
        """
        job = self.get(job_id)
        if job is None or index != job.results:
            raise ValueError(f"result {index} of job {job_id} is out of order")
        size = write_parts(self._path(job_id, result_name(index)), parts)
        update = "UPDATE jobs SET results = results + 1, bytes = bytes + ?, crashes = 0 WHERE id = ?"
        self._db.execute(update, (size, job_id))

    def result(self, job_id: str, index: int) -> list[Any]:
        return read_parts(self._path(job_id, result_name(index)))

    def end(self, message: Done | Failed | Cancelled) -> bool:
        """Give the job its terminal state; False where it has one already, which stays.

        The state counts at once, also where the disk does not take it: `save_endings` then tries again.
        """
        job = self.get(message.job_id)
        if job is None or not job.live:
            return False
        self._unsaved[job.id] = type(message).__name__.lower(), encode(message)[0]
        self.save_endings()
        return True

    def save_endings(self) -> None:
        """Store the endings that are in memory alone, as far as the disk takes them."""
        with contextlib.suppress(sqlite3.Error):
            for job_id, (state, ending) in list(self._unsaved.items()):
                self._db.execute("UPDATE jobs SET state = ?, ending = ? WHERE id = ?", (state, ending, job_id))
                del self._unsaved[job_id]

    def prune(self, keep: Collection[str] = (), *, max_age_s: float = MAX_AGE_S, max_bytes: int = MAX_BYTES) -> int:
        """Forget ended jobs that are too old, then the oldest until the rest fits; returns how many.

        keep: ids of jobs that stay whatever their age and size.
        """
        total = self._db.execute("SELECT COALESCE(SUM(bytes), 0) FROM jobs").fetchone()[0]
        ended = f"SELECT id, bytes, created FROM jobs WHERE NOT ({_LIVE}) ORDER BY number"
        gone = 0
        for job_id, size, created in self._db.execute(ended).fetchall():
            if job_id not in keep and (total > max_bytes or time.time() - created > max_age_s):
                self._db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
                total, gone = total - size, gone + 1
        if gone:
            self._sweep()
        return gone

    def _sweep(self) -> None:
        """Remove the files of jobs that are forgotten, or were never stored in full."""
        known = {job_id for (job_id,) in self._db.execute("SELECT id FROM jobs")}
        with contextlib.suppress(FileNotFoundError):
            for folder in (self._folder / "jobs").iterdir():
                if folder.name not in known and folder.name not in self._writing:
                    shutil.rmtree(folder, ignore_errors=True)

    def _select(self, where: str, *values: Any) -> list[Job]:
        columns = ", ".join(field.name for field in attrs.fields(Job))
        jobs = [Job(*row) for row in self._db.execute(f"SELECT {columns} FROM jobs {where}", values)]
        return [self._as_ended(job) if job.id in self._unsaved else job for job in jobs]

    def _as_ended(self, job: Job) -> Job:
        state, ending = self._unsaved[job.id]
        return attrs.evolve(job, state=state, ending=ending)

    def _path(self, job_id: str, name: str) -> Path:
        return job_folder(self._folder, job_id) / name
