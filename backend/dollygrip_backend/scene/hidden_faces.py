"""Where the faces are of people who are seen, but not their faces: hidden, turned away, small or masked."""

from collections.abc import Sequence

import numpy as np

from dollygrip_backend.scene.faces import Face
from dollygrip_backend.scene.things import PERSON, Thing

_SURE = 0.6  # the least likelihood of a body without a face
# Of a body's height, its face's: of one that stands, and of one that the picture's lower border cuts off, from so low.
_FACE, _CUT_OFF, _LOWEST = 0.11, 0.16, 0.95
_BROW = 0.03  # of a body's height, from its upper end to where a face begins
_ACROSS = 0.3  # of a body's width, its face's
_POINTS = (0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)  # eyes, nose, mouth in a face's box


def bodies_among(things: Sequence[Thing]) -> list[Thing]:
    """Those of `things` that are surely people."""
    return [thing for thing in things if thing.kind == PERSON and thing.likelihood >= _SURE]


def hidden_faces(things: Sequence[Thing], faces: Sequence[Face]) -> list[Face]:
    """Where the faces are of the people among `things` of whom none of `faces` is: hidden, turned away, small or
    masked."""
    bodies = bodies_among(things)
    seen = [body_of(face, bodies) for face in faces]
    return [_hidden(body) for body in bodies if not any(body is other for other in seen)]


def body_of(face: Face, bodies: Sequence[Thing]) -> Thing | None:
    """Whose face it is: of those in whose box it lies the one whose face must be nearest; None where it is no one's."""
    around = [body for body in bodies if _holds(body, face)]
    return min(around, key=lambda body: np.hypot(*np.subtract(_hidden(body).middle, face.middle)), default=None)


def _holds(body: Thing, face: Face) -> bool:
    (left, top, right, bottom), (x, y) = body.box, face.middle
    return left <= x <= right and top <= y <= bottom


def _hidden(body: Thing) -> Face:
    left, top, right, bottom = body.box
    tall = bottom - top
    first = top + _BROW * tall
    height, across = (_CUT_OFF if bottom > _LOWEST else _FACE) * tall, _ACROSS * (right - left)
    start = body.middle[0] - across / 2
    points = (start, first) + np.array(_POINTS) * (across, height)
    return Face((start, first, start + across, first + height), points, body.likelihood)
