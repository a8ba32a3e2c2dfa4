"""The depth of a picture over the wire: what is asked arrives, what is wrong is refused, a job gives one map."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol.real_backend import image
from protocol.scripted import hall

from dollygrip.client import DepthReady
from dollygrip.connection import BackendError
from dollygrip.errors import InputError
from dollygrip.protocol import (
    PROTOCOL_VERSION,
    Depth,
    DepthRequest,
    Done,
    LookRequest,
    PredictRequest,
    ProtocolError,
    Submit,
    decode,
    encode,
)
from dollygrip_backend.jobs.validation import validate

JOB = "0123456789abcdef" * 2


def sent(message, arrays):
    return decode([bytes(part) for part in encode(message, arrays)])


@given(st.none() | st.floats(1e-6, 1e9), st.integers(1, 9), st.integers(1, 9), st.floats(1, 170))
def test_request_and_map_arrive_as_they_were_sent(scene_depth, height, width, degrees):
    picture = np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)
    message, arrays = sent(Submit(DepthRequest(scene_depth=scene_depth)), {"image": picture})
    assert message.request == DepthRequest(scene_depth=scene_depth) and np.array_equal(arrays["image"], picture)
    depth = np.linspace(1, 2, height * width, dtype=np.float32).reshape(height, width)
    message, arrays = sent(Depth(degrees, JOB, 0), {"depth": depth})
    assert message == Depth(degrees, JOB, 0) and np.array_equal(arrays["depth"], depth)


@pytest.mark.parametrize(
    "changed",
    [
        {"view_degrees": "50"},
        {"view_degrees": None},
        {"index": -1},
        {"job_id": "x"},
        {"blobs": []},
        {"blobs": [{"name": "depth", "dtype": "float64", "shape": [1, 3]}]},
        {"blobs": [{"name": "depth", "dtype": "float32", "shape": [3]}]},
        {"blobs": [{"name": "depth", "dtype": "float32", "shape": [2**20, 2**20]}]},
    ],
)
def test_a_malformed_map_is_refused(changed):
    plain = {"v": PROTOCOL_VERSION, "type": "Depth", "view_degrees": 50.0, "job_id": JOB, "index": 0}
    plain["blobs"] = [{"name": "depth", "dtype": "float32", "shape": [1, 3]}]
    assert isinstance(decode([json.dumps(plain).encode(), b"\0" * 12])[0], Depth)
    with pytest.raises(ProtocolError):
        decode([json.dumps(plain | changed).encode(), b"\0" * 12])


def test_a_depth_job_gives_one_map_at_the_asked_scale_without_credit(client):
    job = client.submit(DepthRequest(scene_depth=8.0), {"image": image()})
    events = []
    while not (events and isinstance(events[-1], Done)):
        if event := client.poll(1.0):
            events.append(event)
    [ready] = [event for event in events if isinstance(event, DepthReady)]
    assert (ready.job_id, ready.index, ready.view_degrees) == (job, 0, 50.0)
    assert ready.depth.dtype == np.float32 and np.array_equal(ready.depth, hall(8.0))
    client.attach(job, have=1)
    assert isinstance(client.poll(5.0), Done), "a map that is there already is not sent again"


@pytest.mark.parametrize("scene_depth", [0.0, -1.0, 1e12])
def test_a_scale_that_is_none_is_refused_in_a_sentence(client, scene_depth):
    with pytest.raises(BackendError, match="The scene depth is"):
        client.submit(DepthRequest(scene_depth=scene_depth), {"image": image()})


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (LookRequest(scene_depth=0.0), "The scene depth is"),
        (LookRequest(view_degrees=float("nan")), "The field of view in degrees is"),
        (LookRequest(view_degrees=171.0), "The field of view in degrees is"),
    ],
)
def test_a_look_that_no_prediction_could_use_is_refused_in_a_sentence(asked, says):
    with pytest.raises(InputError, match=says):
        validate(asked, {"image": image()})
    with pytest.raises(InputError, match="depth"):
        validate(LookRequest(), {"image": image(), "depth": np.ones((3, 3), np.float32)})


def test_a_subjects_depth_needs_its_place_and_must_be_positive():
    arrays = {"image": image()}
    with pytest.raises(InputError, match="a subject that was not"):
        validate(PredictRequest(prompt="orbit", subject_depth=3.0), arrays)
    with pytest.raises(InputError, match="subject's depth is 0"):
        validate(PredictRequest(prompt="orbit", subject=(0.5, 0.5), subject_depth=0.0), arrays)
    asked = PredictRequest(prompt="orbit", subject=(0.5, 0.5), subject_depth=3.0)
    assert validate(asked, arrays).subject_depth == 3.0
