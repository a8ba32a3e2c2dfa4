"""Large arrays on the wire: the server looks at their form and goes on answering; what is in them is the worker's."""

import threading
import time

import numpy as np
import pytest
from protocol.real_backend import Backend, predict, render

from dollygrip.connection import BackendError
from dollygrip_backend.workers.main import DEFAULT_RUNNER


@pytest.fixture(scope="module")
def real_client(tmp_path_factory):
    """A client of a backend whose worker has the models."""
    backend = Backend(tmp_path_factory.mktemp("real") / "state", runner=DEFAULT_RUNNER)
    backend.start()
    try:
        with backend.client() as client:
            yield client
    finally:
        backend.close()


@pytest.mark.parametrize("asked", [predict(), render()])
@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.nan, "The depth has values that are not positive"),
        (-1, "The depth has values that are not positive"),
        (0, "The depth has values that are not positive"),
        (np.inf, "The depth is infinite everywhere"),
    ],
)
def test_a_job_with_depth_that_is_none_fails_in_a_sentence(real_client, asked, value, says):
    request, arrays = asked
    depth = np.full(arrays["image"].shape[:2], value, np.float32)
    with pytest.raises(BackendError, match=says) as caught:
        list(real_client.run(request, arrays | {"depth": depth}))
    assert caught.value.kind == "input" and caught.value.hint


def test_a_job_with_one_bad_value_in_a_frame_s_depth_fails_with_the_frame_s_number(real_client):
    request, arrays = render(frames=3)
    depths = np.ones((3, 64, 64), np.float16)
    depths[2, 5, 7] = 0
    with pytest.raises(BackendError, match="The depth of frame 2 has values that are not positive"):
        list(real_client.run(request, arrays | {"depths": depths}))


def test_depth_of_another_shape_is_refused_at_once(real_client):
    for request, arrays in (predict(), render()):
        with pytest.raises(BackendError, match="The depth is 5x7"):
            real_client.submit(request, arrays | {"depth": np.ones((7, 5), np.float32)})


def test_hello_is_answered_while_large_requests_arrive(backend, client):
    """The bound leaves room for a busy machine: what one such request takes to arrive is several times as long."""
    request, arrays = render(frames=24, size=(1024, 1024))
    arrays["depths"], sent = np.ones((24, 1024, 1024), np.float16), []
    began = time.monotonic()

    def send():
        with backend.client() as other:
            sent.extend(other.submit(request, arrays) for _ in range(3))

    sender = threading.Thread(target=send)
    sender.start()
    waited = []
    while sender.is_alive():
        asked = time.monotonic()
        client.hello(30)
        waited.append(time.monotonic() - asked)
        time.sleep(0.005)
    one = (time.monotonic() - began) / 3
    assert len(sent) == 3 and np.median(waited) < one / 10 and max(waited) < max(one, 1.0)
