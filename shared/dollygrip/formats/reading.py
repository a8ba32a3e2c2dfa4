"""What readers of camera files share: numbers that are numbers, poses that are rigid, intrinsics in pixels.

Positions in error messages come as `where`, such as "frame 3" or "line 7".
"""

import re
import reprlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dollygrip.errors import TrajectoryError

DRIFT = 5e-3  # of a rotation's R^T R from the identity: what three printed decimals leave
_NORMALISED = 4.0  # a principal point beyond 4 image sides is in pixels


def is_number(text: str) -> bool:
    """Whether a field of a text file is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def number(value: Any, where: str) -> float:
    """A JSON number, or a string that is one. Raises TrajectoryError for anything else; NaN passes."""
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise TrajectoryError(f"In {where} a number is expected, not {shown(value)}.")


def numbers(value: Any, counts: Sequence[int], where: str) -> np.ndarray:
    """A list of numbers, nested or flat, with one of `counts` numbers in all, flattened to float64."""
    found: list[float] = []
    pending = [value]
    while pending and len(found) <= max(counts):
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(reversed(item))
        else:
            found.append(number(item, where))
    if len(found) not in counts or not isinstance(value, list):
        wanted = " or ".join(map(str, counts))
        raise TrajectoryError(f"In {where} {wanted} numbers are expected, not {shown(value)}.")
    return np.array(found)


def pose(value: Any, where: str) -> np.ndarray:
    """3 or 4 rows of 4 numbers, nested or flat -> (4, 4)."""
    flat = numbers(value, (12, 16), where)
    return np.vstack([flat.reshape(-1, 4)[:3], flat[12:] if len(flat) == 16 else [0, 0, 0, 1]])


def rigid(matrices: np.ndarray, where: Callable[[int], str] = lambda i: f"Frame {i}") -> np.ndarray:
    """(T, 4, 4) -> the same as proper rigid motions: a rotation that drifted by up to DRIFT becomes the nearest one.

    Raises TrajectoryError for numbers that are not finite, another last row, mirrored, scaled or sheared axes.
    """
    poses = np.array(matrices, float)
    _refuse(~np.isfinite(poses).all((1, 2)), "has a pose that is not finite (NaN or infinity)", where)
    _refuse(np.abs(poses[:, 3] - [0, 0, 0, 1]).max(1) > 1e-4, "has a pose whose last row is not 0 0 0 1", where)
    rotation = poses[:, :3, :3]
    with np.errstate(over="ignore", invalid="ignore"):
        drift = np.abs(np.swapaxes(rotation, 1, 2) @ rotation - np.eye(3)).max((1, 2))
    skew = ~(drift <= DRIFT)
    if skew.any():
        lengths = np.linalg.norm(rotation[np.argmax(skew)], axis=0)
        what = "has a rotation that is none: its axes must be perpendicular and of length 1, their lengths are "
        _refuse(skew, what + ", ".join(f"{length:.4g}" for length in lengths), where)
    _refuse(np.linalg.det(rotation) < 0, "has a mirrored pose (left-handed axes)", where)
    drifted = drift > 1e-9
    if drifted.any():
        u, _, vt = np.linalg.svd(rotation[drifted])
        poses[drifted, :3, :3] = u @ vt
    poses[:, 3] = [0, 0, 0, 1]
    return poses


def inverse(poses: np.ndarray) -> np.ndarray:
    """(T, 4, 4) rigid motions -> their inverses: world-to-camera for camera-to-world and back."""
    out = np.array(poses, float)
    out[:, :3, :3] = np.swapaxes(poses[:, :3, :3], 1, 2)
    with np.errstate(over="ignore", invalid="ignore"):
        out[:, :3, 3] = -np.einsum("tij,tj->ti", out[:, :3, :3], poses[:, :3, 3])
    return out


def is_normalised(intrinsics: np.ndarray) -> bool:
    """Whether (T, 4) [fx, fy, cx, cy] are fractions of the image's sides: told by the principal point."""
    return bool(np.median(np.abs(intrinsics[:, 2:])) <= _NORMALISED)


def size_of_centre(intrinsics: np.ndarray) -> tuple[int, int]:
    """The image whose centre is frame 0's principal point, for files that hold no size."""
    width, height = (2 * value for value in intrinsics[0, 2:])
    if not (0.5 <= width < 1e6 and 0.5 <= height < 1e6):
        raise TrajectoryError(
            f"The principal point {width / 2:g}, {height / 2:g} of frame 0 does not tell the image's size.",
            "Give the size.",
        )
    return round(width), round(height)


def common_size(intrinsics: np.ndarray, sizes: list[tuple[float, float]]) -> tuple[np.ndarray, tuple[int, int]]:
    """Intrinsics (T, 4) of images of different sizes -> those of the images scaled, pixels keeping their shape, until
    they cover the size of frame 0, and cropped to it about the middle."""
    size, sides = np.array(sizes[0], float), np.array(sizes, float)
    scale = (size / sides).max(1, keepdims=True)
    centre = intrinsics[:, 2:] * scale + (size - sides * scale) / 2
    return np.concatenate([intrinsics[:, :2] * scale, centre], 1), whole(sizes[0])


def whole(size: tuple[float, float]) -> tuple[int, int]:
    """An image size in whole pixels; raises TrajectoryError where it is none."""
    if not all(np.isfinite(side) and 1 <= round(side) < 2**31 for side in size):
        raise TrajectoryError(f"The image size must be positive whole pixels, not {size[0]:g} by {size[1]:g}.")
    return round(size[0]), round(size[1])


def natural(name: Any) -> list[tuple[int, str]]:
    """A key that sorts names by the numbers in them: frame2 before frame10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d{1,18})", str(name))]


def shown(value: Any) -> str:
    """A short quotation of a JSON value for an error message."""
    if isinstance(value, dict):
        keys = ", ".join(map(repr, list(value)[:6]))
        return f"an object with the keys {keys[:120]}{', …' if len(value) > 6 else ''}" if value else "an empty object"
    text = reprlib.repr(value)
    return f"a list of {len(value)}: {text}" if isinstance(value, list) else text


def _refuse(bad: np.ndarray, what: str, where: Callable[[int], str]) -> None:
    if bad.any():
        raise TrajectoryError(f"{where(int(np.argmax(bad)))} {what}.", "Correct or remove that pose.")
