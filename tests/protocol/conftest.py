"""A running backend and a client of it; a job store alone."""

import pytest
from protocol.real_backend import Backend

from dollygrip_backend.jobs.store import JobStore


@pytest.fixture
def backend(tmp_path):
    backend = Backend(tmp_path / "state")
    backend.start()
    yield backend
    backend.close()


@pytest.fixture
def client(backend):
    with backend.client() as client:
        yield client


@pytest.fixture
def store(tmp_path):
    store = JobStore(tmp_path / "state")
    yield store
    store.close()
