"""Inputs of the predictor, checked before anything is loaded or drawn."""

import numpy as np

from dollygrip.errors import InputError
from dollygrip.trajectory import MAX_FRAMES
from dollygrip_backend.scene import given_depth

MAX_STRENGTH = 5
_MAX_TAKES = 64


def check_inputs(
    image, prompts, frames, fps, takes, view_degrees, scene_depth, depth, strength, subject, subject_depth=None
) -> None:
    """Raise InputError for the first input that cannot be used."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise InputError(f"The reference image must be a uint8 array (height, width, 3), not {what}.")
    if min(image.shape[:2]) < 8:
        raise InputError(f"The reference image is only {image.shape[1]}x{image.shape[0]} pixels.", "Use at least 8x8.")
    if not prompts or any(not isinstance(p, str) or not p.strip() for p in prompts):
        raise InputError("The prompt is empty.", "Say how the camera should move, for example “slowly push in”.")
    if not 1 <= frames <= MAX_FRAMES:
        raise InputError(f"Cannot predict {frames} frames.", f"Ask for 1 to {MAX_FRAMES}.")
    if not 1 <= takes <= _MAX_TAKES:
        raise InputError(f"Cannot draw {takes} takes.", f"Ask for 1 to {_MAX_TAKES}.")
    for name, value, low, high in (
        ("frame rate", fps, 0.1, 1000),
        ("field of view", view_degrees, 1, 170),
        ("scene depth", scene_depth, 1e-6, 1e9),
        ("subject's depth", subject_depth, 1e-6, 1e9),
        ("strength", strength, 0, MAX_STRENGTH),
    ):
        if value is not None and not low <= value <= high:  # NaN fails as well
            raise InputError(f"The {name} is {value}.", f"Use a number from {low:g} to {high:g}.")
    if depth is not None:
        given_depth.check_shape(depth, image)
        given_depth.check_positive(depth)
    if subject is not None and not all(0 <= value <= 1 for value in subject):
        raise InputError(f"The subject {subject} lies outside the image.", "Give x and y from 0 to 1.")


def check_up(up) -> None:
    """Raise InputError unless `up` is a direction (3,)."""
    if np.shape(up) != (3,) or not np.isfinite(up).all() or np.linalg.norm(up) < 1e-6:
        raise InputError(f"The way up, {up}, is no direction.", "Give the sky's in the camera's axes: 0, -1, 0.")
