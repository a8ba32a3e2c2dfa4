"""The geometry of a camera path as it is drawn: a line coloured by speed, frustums, marks. Plain numpy.

Speed is shown by lightness first, so that it reads on a grey viewport and without colour vision: steps of equal speed
are steps of equal difference in OKLab (Ottosson 2020, https://bottosson.github.io/posts/oklab/).
"""

from functools import cache

import attrs
import numpy as np

from dollygrip.rotations import angle_between

from .sampling import Sampled

_EDGES = np.array([(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4), (4, 1)])
_DIAMOND = np.array([(0, 2), (0, 3), (0, 4), (0, 5), (1, 2), (1, 3), (1, 4), (1, 5), (2, 4), (4, 3), (3, 5), (5, 2)])
_CORNERS = np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)], float)
_STEPS = 256
# From slow to fast: lightness, chroma, hue in degrees, of OKLab. Blue, violet, red, orange, yellow.
_COLOURS = np.array([(0.66, 0.13, 250.0), (0.70, 0.16, 320.0), (0.76, 0.15, 385.0), (0.95, 0.15, 463.0)])
_LMS = np.array([(1, 0.3963377774, 0.2158037573), (1, -0.1055613458, -0.0638541728), (1, -0.0894841775, -1.2914855480)])
_RGB = np.array(
    [
        (4.0767416621, -3.3077115913, 0.2309699292),
        (-1.2684380046, 2.6097574011, -0.3413193965),
        (-0.0041960863, -0.7034186147, 1.7076147010),
    ]
)


@attrs.frozen(eq=False)
class Shape:
    """What is drawn of one path, float32, world coordinates in Blender units.

    line (N, 3) with colours (N, 4) sRGB; frustums, start, end and subject: (E, 3) ends of line segments, two by two,
    the last empty where the prompt names nothing that was found; size: of a frustum; sampled: what it was made of.
    """

    line: np.ndarray
    colours: np.ndarray
    frustums: np.ndarray
    start: np.ndarray
    end: np.ndarray
    subject: np.ndarray
    size: float
    sampled: Sampled

    @classmethod
    def of(cls, sampled: Sampled, depth: float, subject: np.ndarray | None) -> "Shape":
        """depth: the take's scene depth in Blender units, from which marks take their size where nothing moves;
        subject (3,): where the thing is that its prompt names, None where there is none."""
        places = sampled.positions
        size = max(0.12 * float(np.ptp(places, axis=0).max()), 0.03 * depth)
        speed = speeds(sampled)
        return cls(
            line=places.astype(np.float32),
            colours=colour_of(speed / max(speed.max(), 1e-9)),
            frustums=frustums(sampled, sampled.keys, size),
            start=_mark(places[0], 0.15 * size),
            end=_arrow(places, 0.3 * size),
            subject=np.empty((0, 3), np.float32) if subject is None else _mark(subject, 0.4 * size),
            size=size,
            sampled=sampled,
        )

    def at(self, frame: int) -> np.ndarray:
        """The frustum (16, 3) at a frame, of the sample nearest to it."""
        nearest = int(np.abs(self.sampled.frames - frame).argmin())
        return frustums(self.sampled, np.array([nearest]), 1.3 * self.size)


def speeds(sampled: Sampled) -> np.ndarray:
    """(N,) Blender units a frame, central differences."""
    return _rate(sampled.positions, sampled.frames)


def turns(sampled: Sampled) -> np.ndarray:
    """(N,) radians a frame, the mean of the steps to both neighbours."""
    if len(sampled.frames) < 2:
        return np.zeros(len(sampled.frames))
    rotations = _without_scale(sampled.matrices)
    steps = angle_between(rotations[:-1], rotations[1:]) / np.diff(sampled.frames)
    return (np.concatenate([steps[:1], steps]) + np.concatenate([steps, steps[-1:]])) / 2


def _without_scale(matrices: np.ndarray) -> np.ndarray:
    return matrices[:, :3, :3] / np.linalg.norm(matrices[:, :3, :3], axis=1, keepdims=True)


def _rate(values: np.ndarray, frames: np.ndarray) -> np.ndarray:
    if len(frames) < 2:
        return np.zeros(len(frames))
    return np.linalg.norm(np.gradient(values, frames.astype(float), axis=0), axis=1)


def frustums(sampled: Sampled, which: np.ndarray, size: float) -> np.ndarray:
    """(len(which) * 16, 3) ends of the edges of view pyramids whose corners are `size` away from the camera."""
    rotations, corners = _without_scale(sampled.matrices[which]), sampled.corners[which]
    corners = corners * (size / np.linalg.norm(corners, axis=2, keepdims=True))
    points = np.concatenate([np.zeros((len(which), 1, 3)), corners], 1) @ np.swapaxes(rotations, 1, 2)
    points += sampled.positions[which, None]
    return points[:, _EDGES.ravel()].reshape(-1, 3).astype(np.float32)


def _mark(place: np.ndarray, size: float) -> np.ndarray:
    """A diamond."""
    return (place + size * _CORNERS[_DIAMOND.ravel()]).astype(np.float32)


def _arrow(places: np.ndarray, size: float) -> np.ndarray:
    """An arrow head at the end of the way; a diamond where there is no way."""
    behind = places[-1] - places
    far = np.linalg.norm(behind, axis=1) > 0.5 * size
    if not far.any():
        return _mark(places[-1], 0.5 * size)
    forward = behind[np.flatnonzero(far)[-1]]
    forward = forward / np.linalg.norm(forward)
    side = np.cross(forward, np.eye(3)[np.abs(forward).argmin()])
    side /= np.linalg.norm(side)
    up = np.cross(forward, side)
    back = places[-1] - size * forward
    ends = [back + 0.4 * size * way for way in (side, up, -side, -up)]
    return np.array([point for end in ends for point in (places[-1], end)], np.float32)


def colour_of(share: np.ndarray) -> np.ndarray:
    """(N,) speeds from 0 to 1 -> (N, 4) sRGB float32."""
    return _map()[(np.clip(share, 0, 1) * (_STEPS - 1)).round().astype(int)]


@cache
def _map() -> np.ndarray:
    """(256, 4): the colours at equal distances along the curve through _COLOURS in OKLab."""
    along = np.linspace(0, len(_COLOURS) - 1, 4096)
    lightness, chroma, hue = (np.interp(along, range(len(_COLOURS)), values) for values in _COLOURS.T)
    lab = np.stack([lightness, chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))], 1)
    way = np.concatenate([[0], np.linalg.norm(np.diff(lab, axis=0), axis=1).cumsum()])
    even = np.stack([np.interp(np.linspace(0, way[-1], _STEPS), way, values) for values in lab.T], 1)
    linear = np.clip((even @ _LMS.T) ** 3 @ _RGB.T, 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.concatenate([srgb, np.ones((_STEPS, 1))], 1).astype(np.float32)
