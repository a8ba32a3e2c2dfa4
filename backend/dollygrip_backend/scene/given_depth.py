"""Depth that is given, checked before it is used: its shape, which takes no time, and its values, which does."""

import numpy as np

from dollygrip.errors import InputError


def check_shape(depth: np.ndarray, image: np.ndarray) -> None:
    """Raise InputError unless depth is (H, W), as the image (H, W, 3) it belongs to."""
    if depth.shape != image.shape[:2]:
        given, own = ("x".join(map(str, shape[::-1])) for shape in (depth.shape, image.shape[:2]))
        raise InputError(f"The depth is {given}, the image {own}.", "Give depth of the image's own size, or none.")


def check_values(depth: np.ndarray) -> None:
    """Raise InputError unless depth (H, W) is positive, inf for sky, with a surface somewhere."""
    check_positive(depth)
    if not np.isfinite(depth).any():
        raise InputError("The depth is infinite everywhere.", "Give depth with at least one surface, or none.")


def check_positive(depth: np.ndarray, name: str = "The depth") -> None:
    """Raise InputError, which calls the depth by its name, unless all of it is positive."""
    if not (depth > 0).all():
        raise InputError(
            f"{name} has values that are not positive (NaN, zero or negative).", "Use inf for sky, or give none."
        )
