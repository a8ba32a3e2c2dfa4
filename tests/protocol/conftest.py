"""A running backend and a client of it."""

import pytest
from protocol.real_backend import Backend


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
