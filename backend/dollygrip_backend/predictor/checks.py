"""Inputs of the predictor, checked before anything is queued, loaded or drawn. No torch."""

from typing import Any

import numpy as np

from dollygrip.errors import InputError
from dollygrip.trajectory import MAX_FRAMES
from dollygrip_backend.predictor.level import SKY
from dollygrip_backend.scene import given_depth

MAX_STRENGTH = 5
_MAX_TAKES = 64
_LENGTHS, _VIEW_DEGREES = (1e-6, 1e9), (1, 170)


def check_image(image: Any) -> None:
    """Raise InputError unless it is a picture that the predictor can look at."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise InputError(f"The reference image must be a uint8 array (height, width, 3), not {what}.")
    if min(image.shape[:2]) < 8:
        raise InputError(f"The reference image is only {image.shape[1]}x{image.shape[0]} pixels.", "Use at least 8x8.")


def check_depth(depth: np.ndarray | None, image: np.ndarray) -> None:
    """Raise InputError unless it is the image's depth, or None."""
    if depth is not None:
        given_depth.check_shape(depth, image)
        given_depth.check_positive(depth)


def check_prompt(prompt: Any) -> None:
    """Raise InputError unless it says something."""
    if not isinstance(prompt, str) or not prompt.strip():
        raise InputError("The prompt is empty.", "Say in a few words how the camera moves, such as “slow pan left”.")


def check_numbers(
    *,
    frames: int,
    fps: float,
    seed: int,
    takes: int = 1,
    strength: float = 1.0,
    view_degrees: float | None = None,
    scene_depth: float | None = None,
    centre: tuple[float, float] = (0.5, 0.5),
    subject: tuple[float, float] | None = None,
    subject_depth: float | None = None,
    up: tuple[float, float, float] = SKY,
    most_takes: int = _MAX_TAKES,
) -> None:
    """Raise InputError for the first number of `CameraPipeline.__call__` that cannot be used."""
    for name, value, low, high in (
        ("number of frames", frames, 1, MAX_FRAMES),
        ("number of takes", takes, 1, most_takes),
        ("seed", seed, 0, 2**63 - 1),
        ("frame rate", fps, 0.1, 1000),
        ("strength", strength, 0, MAX_STRENGTH),
        ("field of view in degrees", view_degrees, *_VIEW_DEGREES),
        ("scene depth", scene_depth, *_LENGTHS),
        ("subject's depth", subject_depth, *_LENGTHS),
        *(("lens's centre", side, -2, 3) for side in centre),
    ):
        if value is not None:
            check_range(name, value, low, high)
    if subject is not None and not all(0 <= side <= 1 for side in subject):
        raise InputError(f"The subject {subject} lies outside of the image.", "Give x and y as fractions from 0 to 1.")
    if subject_depth is not None and subject is None:
        raise InputError("A depth was given for a subject that was not.", "Give the subject's x and y, too.")
    if np.shape(up) != (3,) or not np.isfinite(up).all() or np.linalg.norm(up) < 1e-6:
        raise InputError(f"The way up, {up}, is no direction.", "Give the sky's in the camera's axes: 0, -1, 0.")


def check_scene_depth(scene_depth: float | None) -> None:
    """Raise InputError unless it is a length, or None."""
    if scene_depth is not None:
        check_range("scene depth", scene_depth, *_LENGTHS)


def check_view_degrees(view_degrees: float | None) -> None:
    """Raise InputError unless a lens may see so much, or for None."""
    if view_degrees is not None:
        check_range("field of view in degrees", view_degrees, *_VIEW_DEGREES)


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise InputError unless low <= value <= high; a NaN is not."""
    if not low <= value <= high:
        least, most = (str(bound) if isinstance(bound, int) else f"{bound:g}" for bound in (low, high))
        raise InputError(
            f"The {name} is {value}; it must be from {least} to {most}.",
            f"Set it to {least} or more." if value < low else f"Set it to {most} or less.",
        )
