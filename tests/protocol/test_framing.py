"""Messages and their parts: what is sent arrives, what is malformed is refused with a typed error."""

import functools
import json

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip import protocol
from dollygrip.protocol import (
    PROTOCOL_VERSION,
    Cancel,
    Frame,
    PredictRequest,
    ProtocolError,
    Ready,
    Submit,
    VersionError,
    decode,
    encode,
)

JOB = "0123456789abcdef" * 2
numbers = st.floats(-1e9, 1e9)
requests = st.builds(
    PredictRequest,
    prompt=st.text(max_size=50),
    frames=st.integers(-(2**60), 2**60),
    fps=numbers,
    seed=st.integers(-(2**60), 2**60),
    takes=st.integers(-5, 99),
    size=st.none() | st.tuples(st.integers(), st.integers()).filter(lambda s: max(map(abs, s)) < 2**63),
    view_degrees=st.none() | numbers,
    scene_depth=st.none() | numbers,
    strength=numbers,
    subject=st.none() | st.tuples(numbers, numbers),
    subject_depth=st.none() | numbers,
    centre=st.tuples(numbers, numbers),
    keyframes_at=st.lists(st.integers(0, 2**60), max_size=5),
    up=st.tuples(numbers, numbers, numbers),
    direct=st.booleans(),
)


def sent(message, arrays=None):
    """Through bytes, as a socket would."""
    return decode([bytes(part) for part in encode(message, arrays)])


@given(requests, st.integers(1, 5), st.integers(1, 5), st.booleans(), st.integers(0, 2**53))
def test_a_request_arrives_as_it_was_sent(request, height, width, with_depth, ref):
    arrays = {"image": np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)}
    if with_depth:
        arrays["depth"] = np.full((height, width), np.inf, np.float32)
    message, back = sent(Submit(request, ref), arrays)
    assert message == Submit(request, ref)
    assert back.keys() == arrays.keys()
    assert all(np.array_equal(back[name], arrays[name]) for name in arrays)


@pytest.mark.parametrize(
    "array", [np.zeros((4, 6, 3), np.uint8)[::2, ::-1], np.zeros((3, 2, 2), np.uint8).transpose(1, 2, 0)]
)
def test_arrays_of_any_memory_layout_can_be_sent(array):
    array[0, 0] = [1, 2, 3]
    assert np.array_equal(sent(Frame(JOB, 3), {"rgb": array})[1]["rgb"], array)


PLAIN = {"v": PROTOCOL_VERSION, "type": "Cancel", "job_id": JOB, "blobs": []}
IMAGE = {"name": "rgb", "dtype": "uint8", "shape": [2, 2, 3]}
SUBMIT = {"v": PROTOCOL_VERSION, "type": "Submit", "blobs": []}
FRAME = {"v": PROTOCOL_VERSION, "type": "Frame", "job_id": JOB, "index": 0, "blobs": [IMAGE]}


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        (PLAIN | {"type": "Explode"}, []),
        (PLAIN | {"type": ["Cancel"]}, []),
        (PLAIN | {"job_id": "../../etc"}, []),
        (PLAIN | {"job_id": JOB.upper()}, []),
        (PLAIN | {"extra": 1}, []),
        ({k: v for k, v in PLAIN.items() if k != "job_id"}, []),
        ({k: v for k, v in PLAIN.items() if k != "type"}, []),
        ({k: v for k, v in PLAIN.items() if k != "blobs"}, []),
        (PLAIN | {"v": "1"}, []),
        (PLAIN | {"v": True}, []),
        (PLAIN, [b"surplus"]),
        (PLAIN | {"blobs": [IMAGE]}, [b"\0" * 12]),
        (FRAME, []),
        (FRAME, [b"\0" * 11]),
        (FRAME, [b"\0" * 13]),
        (FRAME, [b"\0" * 12, b""]),
        (FRAME | {"index": -1}, [b"\0" * 12]),
        (FRAME | {"index": 1.0}, [b"\0" * 12]),
        (FRAME | {"index": "1"}, [b"\0" * 12]),
        (FRAME | {"index": True}, [b"\0" * 12]),
        (FRAME | {"blobs": [IMAGE | {"dtype": "object"}]}, [b"\0" * 12]),
        (FRAME | {"blobs": [IMAGE | {"dtype": "float32"}]}, [b"\0" * 48]),
        (FRAME | {"blobs": [IMAGE | {"shape": [2, -2, -3]}]}, [b"\0" * 12]),
        (FRAME | {"blobs": [IMAGE | {"shape": [0, 2, 3]}]}, [b""]),
        (FRAME | {"blobs": [IMAGE | {"shape": [2**40, 2**40, 3]}]}, [b"\0" * 12]),
        (FRAME | {"blobs": [IMAGE | {"shape": [12]}]}, [b"\0" * 12]),
        (FRAME | {"blobs": [IMAGE | {"shape": [2.0, 2, 3]}]}, [b"\0" * 12]),
        (FRAME | {"blobs": [IMAGE, IMAGE]}, [b"\0" * 12, b"\0" * 12]),
        (FRAME | {"blobs": [IMAGE | {"name": "image"}]}, [b"\0" * 12]),
        (FRAME | {"blobs": [IMAGE | {"more": 1}]}, [b"\0" * 12]),
        (FRAME | {"blobs": {"rgb": IMAGE}}, [b"\0" * 12]),
        (SUBMIT | {"request": {"type": "Ready", "device": "cpu"}}, []),
        (SUBMIT | {"request": 3}, []),
        (SUBMIT | {"request": {"type": "PredictRequest"}}, []),
    ],
)
def test_malformed_messages_are_refused(header, parts):
    with pytest.raises(ProtocolError):
        decode([json.dumps(header).encode(), *parts])


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{",
        b"[" * 100_000,
        b'{"v":1e999}',
        b'{"v":NaN}',
        b" " * 2_000_000,
        b'{"v":%d,"type":"Cancel","job_id":%s,"blobs":[]}' % (PROTOCOL_VERSION, b"9" * 5000),
    ],
)
def test_headers_that_are_no_headers_are_refused(head):
    with pytest.raises(ProtocolError):
        decode([head])
    with pytest.raises(ProtocolError):
        decode([])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(list(PLAIN)),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*FRAME, "request"]), inner),
    ),
    st.lists(st.binary(max_size=20), max_size=3),
)
def test_no_input_does_more_than_raise_a_protocol_error(header, parts):
    if isinstance(header, dict):
        header |= {"v": PROTOCOL_VERSION}
    try:
        decode([json.dumps(header).encode(), *parts])
    except ProtocolError as error:
        assert error.message


@given(st.sampled_from([*FRAME, "request"]), st.data())
def test_one_wrong_field_is_refused_or_harmless(field, data):
    value = data.draw(st.none() | st.integers() | st.text(max_size=40) | st.lists(st.integers(), max_size=3))
    try:
        message, arrays = decode([json.dumps(FRAME | {field: value}).encode(), b"\0" * 12])
    except ProtocolError:
        return
    assert isinstance(message, Frame) and arrays["rgb"].shape == (2, 2, 3)


def test_another_version_is_named_with_the_side_to_update():
    newer = json.dumps({"v": 7, "type": "Whatever", "shape_of_things": "to come"}).encode()
    with pytest.raises(VersionError) as caught:
        decode([newer])
    assert caught.value.kind == "version"
    assert f"7 and {PROTOCOL_VERSION}" in caught.value.message
    assert f"speaks version {PROTOCOL_VERSION}" in caught.value.hint


def test_what_does_not_fit_is_refused_before_it_is_sent():
    with pytest.raises(ProtocolError, match="uint8"):
        encode(Submit(PredictRequest(prompt="x")), {"image": np.zeros((4, 4, 4), np.uint8)})
    with pytest.raises(ProtocolError, match="float64"):
        encode(Submit(PredictRequest(prompt="x")), {"image": np.zeros((4, 4, 3))})
    with pytest.raises(ProtocolError, match="image"):
        encode(Submit(PredictRequest(prompt="x")))
    with pytest.raises(ProtocolError, match="JSON"):
        encode(protocol.Done(JOB, {"summary": object()}))
    with pytest.raises(ProtocolError, match="JSON"):
        encode(protocol.Done(JOB, functools.reduce(lambda inner, _: {"a": inner}, range(5000), {})))
    with pytest.raises(ProtocolError, match="larger"):
        encode(Ready("x" * 2**20))
    with pytest.raises(ValueError, match="job_id"):
        Cancel("not a job")


def test_messages_cannot_be_changed():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Ready("cpu").device = "cuda"
