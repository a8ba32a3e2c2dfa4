"""What may be asked for, checked before it is queued or run: one sentence a refusal, with the way out. No torch.

The server answers others meanwhile, so only numbers and shapes are looked at. The runner checks the values of depth.
"""

from typing import Any

import attrs
import numpy as np

from dollygrip.errors import InputError
from dollygrip.protocol import DepthRequest, Limits, MeasureRequest, PredictRequest, RenderRequest, Request
from dollygrip.trajectory import MAX_FRAMES
from dollygrip_backend import video
from dollygrip_backend.predictor.checks import MAX_STRENGTH, check_up
from dollygrip_backend.scene import given_depth
from dollygrip_backend.workers.runner import make_constraints, make_shot

LIMITS = Limits()
MIN_SIDE, MAX_SIDE = 16, 16_384


def validate(request: Request, arrays: dict[str, np.ndarray]) -> Request:
    """Return the request with its defaults resolved (engine, sizes); raises InputError for the first thing wrong."""
    if isinstance(request, MeasureRequest):
        return _measure(request, arrays)
    _check_image(arrays["image"])
    if isinstance(request, DepthRequest):
        if request.scene_depth is not None:
            _check_range("scene depth", request.scene_depth, 1e-6, 1e9)
        return request
    if len(request.prompt) > LIMITS.max_prompt:
        raise InputError(
            f"The prompt has {len(request.prompt)} characters; at most {LIMITS.max_prompt} are allowed.", "Shorten it."
        )
    try:
        request.prompt.encode()
    except UnicodeEncodeError as error:  # half a pair of UTF-16, or what a shell of another encoding sent
        raise InputError("The prompt holds characters that are no Unicode text.", "Type it again.") from error
    if isinstance(request, PredictRequest):
        return _predict(request, arrays)
    return _render(request, arrays)


def _predict(request: PredictRequest, arrays: dict[str, np.ndarray]) -> PredictRequest:
    if not request.prompt.strip():
        raise InputError("The prompt is empty.", "Say in a few words how the camera moves, such as 'slow pan left'.")
    _check_range("number of frames", request.frames, 1, MAX_FRAMES)
    _check_range("number of takes", request.takes, 1, LIMITS.max_takes)
    _check_range("seed", request.seed, 0, 2**63 - 1)
    _check_range("frame rate", request.fps, 0.1, 1000)
    _check_range("strength", request.strength, 0, MAX_STRENGTH)
    if request.view_degrees is not None:
        _check_range("field of view in degrees", request.view_degrees, 1, 170)
    if request.scene_depth is not None:
        _check_range("scene depth", request.scene_depth, 1e-6, 1e9)
    for side in request.centre:
        _check_range("lens's centre", side, -2, 3)
    if request.subject is not None and not all(0 <= side <= 1 for side in request.subject):
        raise InputError(
            f"The subject {request.subject} lies outside of the image.", "Give x and y as fractions from 0 to 1."
        )
    if request.subject_depth is not None:
        _check_range("subject's depth", request.subject_depth, 1e-6, 1e9)
        if request.subject is None:
            raise InputError("A depth was given for a subject that was not.", "Give the subject's x and y, too.")
    check_up(request.up)
    if "depth" in arrays:
        given_depth.check_shape(arrays["depth"], arrays["image"])
    make_constraints(request, arrays).check(request.frames, request.scene_depth or 1.0)
    height, width = arrays["image"].shape[:2]
    size = request.size or (width, height)
    _check_size(size)
    return attrs.evolve(request, size=size)


def _render(request: RenderRequest, arrays: dict[str, np.ndarray]) -> RenderRequest:
    _check_range("seed", request.seed, 0, 2**63 - 1)
    info = video.engine_info(request.engine)
    if not info.available:
        raise InputError(f"The engine '{info.name}' cannot run here: {info.reason}.", "Use the engine 'auto'.")
    trajectory = request.trajectory.trajectory(arrays)
    request = attrs.evolve(request, engine=info.name, size=request.size or info.sizes.nearest(trajectory.size))
    video.check_form(make_shot(request, arrays), info)
    return request


def _measure(request: MeasureRequest, arrays: dict[str, np.ndarray]) -> MeasureRequest:
    trajectory, frames = request.trajectory.trajectory(arrays), arrays["frames"]
    _check_image(frames[0])
    if len(frames) < 2:
        raise InputError("One frame shows no camera move.", "Measure a shot of two or more frames.")
    size = frames.shape[2], frames.shape[1]
    if (len(frames), size) != (len(trajectory), trajectory.size):
        raise InputError(
            f"There are {len(frames)} frames of {size[0]}x{size[1]} for a camera of {len(trajectory)} frames of "
            f"{trajectory.size[0]}x{trajectory.size[1]}.",
            "Send a pose for each frame, in its own pixels.",
        )
    return request


def _check_image(image: np.ndarray) -> None:
    height, width = image.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"The image is {width}x{height} pixels; both sides need at least {MIN_SIDE}.", "Use a larger image."
        )


def _check_size(size: tuple[int, int]) -> None:
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in size):
        raise InputError(
            f"The size {size[0]}x{size[1]} is out of bounds.", f"Use sides of {MIN_SIDE} to {MAX_SIDE} pixels."
        )


def _check_range(name: str, value: Any, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(
            f"The {name} is {value}; it must be from {low:g} to {high:g}.",
            f"Set it to {low:g} or more." if value < low else f"Set it to {high:g} or less.",
        )
