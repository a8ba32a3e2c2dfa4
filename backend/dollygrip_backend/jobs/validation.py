"""What may be asked for, checked before it is queued or run: one sentence a refusal, with the way out. No torch.

The server answers others meanwhile, so only numbers and shapes are looked at. The runner checks the values of depth.
"""

import attrs
import numpy as np

from dollygrip.errors import InputError
from dollygrip.protocol import (
    DepthRequest,
    FetchRequest,
    Limits,
    LookRequest,
    MeasureRequest,
    PredictRequest,
    RenderRequest,
    Request,
)
from dollygrip_backend import video
from dollygrip_backend.predictor.checks import (
    check_numbers,
    check_prompt,
    check_range,
    check_scene_depth,
    check_view_degrees,
)
from dollygrip_backend.scene import given_depth
from dollygrip_backend.workers.fetcher import MODELS
from dollygrip_backend.workers.runner import make_constraints, make_shot

LIMITS = Limits()
MIN_SIDE, MAX_SIDE = 16, 16_384
_NUMBERS = (
    "frames", "fps", "seed", "takes", "strength", "view_degrees", "scene_depth", "centre", "subject", "subject_depth",
    "up",
)  # fmt: skip


def validate(request: Request, arrays: dict[str, np.ndarray]) -> Request:
    """Return the request with its defaults resolved (engine, sizes); raises InputError for the first thing wrong."""
    if isinstance(request, FetchRequest):
        if request.model not in MODELS:
            raise InputError(f"There is no model called '{request.model}'.", f"Fetch one of: {', '.join(MODELS)}.")
        return request
    if isinstance(request, MeasureRequest):
        return _measure(request, arrays)
    _check_image(arrays["image"])
    if isinstance(request, DepthRequest):
        check_scene_depth(request.scene_depth)
        return request
    if isinstance(request, LookRequest):
        check_view_degrees(request.view_degrees)
        check_scene_depth(request.scene_depth)
        _check_given(arrays)
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
    check_prompt(request.prompt)
    check_numbers(**{name: getattr(request, name) for name in _NUMBERS}, most_takes=LIMITS.max_takes)
    _check_given(arrays)
    make_constraints(request, arrays).check(request.frames, request.scene_depth or 1.0)
    height, width = arrays["image"].shape[:2]
    size = request.size or (width, height)
    _check_size(size)
    return attrs.evolve(request, size=size)


def _render(request: RenderRequest, arrays: dict[str, np.ndarray]) -> RenderRequest:
    check_range("seed", request.seed, 0, 2**63 - 1)
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


def _check_given(arrays: dict[str, np.ndarray]) -> None:
    if "depth" in arrays:
        given_depth.check_shape(arrays["depth"], arrays["image"])


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
