"""A depth for every frame on the wire: it arrives as sent, and what is too large or of another kind is refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dollygrip.protocol import ProtocolError, RenderRequest, Submit, decode, encode
from dollygrip.protocol.messages import MAX_PIXELS, TrajectoryHeader

REQUEST = RenderRequest(prompt="", trajectory=TrajectoryHeader(fps=24.0, size=(4, 3)))


def arrays(frames: int, height: int, width: int) -> dict[str, np.ndarray]:
    depths = np.linspace(0.5, 9, frames * height * width).astype(np.float16).reshape(frames, height, width)
    depths[:, 0] = np.inf
    return {
        "image": np.zeros((2, 3, 3), np.uint8),
        "c2w": np.tile(np.eye(4), (frames, 1, 1)),
        "intrinsics": np.ones((frames, 4)),
        "depths": depths,
    }


@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 7))
def test_depths_arrive_as_they_were_sent(frames, height, width):
    sent = arrays(frames, height, width)
    message, back = decode([bytes(part) for part in encode(Submit(REQUEST), sent)])
    assert message.request == REQUEST
    assert back["depths"].dtype == np.float16 and np.array_equal(back["depths"], sent["depths"])


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [("float64", [2, 3, 4]), ("float16", [3, 4]), ("float16", [2, 2**13, 2**13]), ("float16", [MAX_PIXELS, 1, 1])],
)
def test_depths_of_another_form_or_beyond_the_bound_are_refused(dtype, shape):
    parts = [bytes(part) for part in encode(Submit(REQUEST), arrays(2, 3, 4))]
    header = json.loads(parts[0])
    header["blobs"][-1] |= {"dtype": dtype, "shape": shape}
    with pytest.raises(ProtocolError, match="depths"):
        decode([json.dumps(header).encode(), *parts[1:]])
