"""Figures cut out of a picture: of people whose face or body is seen.

A network of silhouettes (silhouettes.py) tells which pixels show people, in photographs. Whose they are, and which they
are in drawings and renders, follows from where faces are and from colours: by what is surely figure and what surely is
not (GrabCut, Rother et al. 2004).
"""

from collections.abc import Callable, Sequence

import attrs
import cv2
import numpy as np

from dollygrip_backend.scene.faces import Face
from dollygrip_backend.scene.figures import Figure, resized
from dollygrip_backend.scene.hidden_faces import bodies_among, body_of, hidden_faces
from dollygrip_backend.scene.things import Thing

_LONGEST = 256  # pixels of a mask's longer side
_MOST = 6  # figures of a picture: the largest
_SURE = 0.93  # the least likelihood of a face that a figure is cut out for where no body is seen
_FACE = 34  # pixels of a face's height where its figure is cut out
_ROUNDS = 3  # of the cut: colours, outlines, colours again
_HOLE = 0.01  # of a figure's pixels: a hole that is smaller belongs to it
# Of a body's longer side, the part of the picture where its silhouette is looked for; the second if that cuts it off.
_AROUND = 1.25, 2.0
_EDGE = 0.02  # of a part's border, what a silhouette that goes on beyond it covers
# Of what is surely a figure, and of a body's box, the share that a silhouette must show for it to count.
_KNOWN, _FILLED = 0.8, 0.25


@attrs.frozen(eq=False)
class _Person:
    """face: where it is, or must be; body: that of the person, None where it is not seen; hidden: whether the face
    is."""

    face: Face
    body: Thing | None
    hidden: bool = False


def cut_out(
    image: np.ndarray, faces: Sequence[Face], things: Sequence[Thing], likely: Callable[[np.ndarray], np.ndarray]
) -> list[Figure]:
    """The figures of the largest people in a picture, uint8 (H, W, 3), at most _LONGEST pixels a side, none on the
    pixels of another. faces: the sure ones count, and those of bodies; things: the bodies are among them; likely: how
    likely each pixel of a part of a picture shows a person, as `SilhouetteNetwork.likely`."""
    sides = np.array(image.shape[:2])
    free = np.ones(np.maximum(1, np.round(sides * min(1.0, _LONGEST / sides.max()))).astype(int), bool)
    figures, hidden = [], hidden_faces(things, faces)
    for person in _people(faces, hidden, bodies_among(things))[:_MOST]:
        others = [face for face in (*faces, *hidden) if face is not person.face]
        mask = _mask(image, person, others, free.shape, likely) & free
        if mask.any():
            figures.append(Figure(mask, None if person.hidden else person.face.height))
            free &= ~mask
    return figures


def _people(faces: Sequence[Face], hidden: Sequence[Face], bodies: Sequence[Thing]) -> list[_Person]:
    """The largest first: those whose face is seen, then the others."""
    people = []
    for face in (*faces, *sorted(hidden, key=lambda face: -face.height)):
        body = body_of(face, bodies)
        if (body or face.likelihood >= _SURE) and 0 <= min(face.middle) <= max(face.middle) < 1:
            people.append(_Person(face, body, any(face is other for other in hidden)))
    return people


def _mask(
    image: np.ndarray,
    person: _Person,
    others: Sequence[Face],
    shape: tuple[int, int],
    likely: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """bool `shape`, over all of the picture: a person's figure; nothing where that is not clear. others: faces."""
    part, silhouette = _silhouette(image, person, shape, likely)
    y, x = np.meshgrid(*((np.arange(side) + 0.5) / side for side in shape), indexing="ij")
    marks = _marks(person.face, others, x, y)
    surely = _in(person.body.box, x, y) if person.hidden else marks == cv2.GC_FGD
    known = surely.any() and silhouette[surely].mean() >= (_FILLED if person.hidden else _KNOWN)
    if known and not any(_shown(face, part, image.shape) for face in others):
        return _in_one_piece(silhouette, surely)
    if person.hidden:
        return silhouette & surely & (marks != cv2.GC_BGD) & known
    by_colour = _placed(*_cut(image, person.face, others), image.shape, shape)
    return by_colour & silhouette if known else by_colour


def _silhouette(
    image: np.ndarray, person: _Person, shape: tuple[int, int], likely: Callable[[np.ndarray], np.ndarray]
) -> tuple[tuple[slice, slice], np.ndarray]:
    """The rows and columns in which it was looked for, and bool `shape`, over all of the picture: what shows people
    there."""
    for around in _AROUND:
        part = _around(person, image.shape, around) if person.body else _about_a_face(person.face, image.shape)
        seen = likely(image[part]) > 0.5
        rows, columns = part
        sides = (rows.start, seen[0]), (image.shape[0] - rows.stop, seen[-1])
        sides += (columns.start, seen[:, 0]), (image.shape[1] - columns.stop, seen[:, -1])
        if person.body is None or not any(beyond and border.mean() > _EDGE for beyond, border in sides):
            break
    return part, _placed(seen, part, image.shape, shape)


def _around(person: _Person, shape: tuple[int, ...], around: float) -> tuple[slice, slice]:
    """The rows and columns of a picture of this shape around a body."""
    left, top, right, bottom = np.multiply(person.body.box, (shape[1], shape[0], shape[1], shape[0]))
    half = around / 2 * max(right - left, bottom - top, 1.0)
    return tuple(
        slice(int(max(0, middle - half)), int(np.ceil(min(side, middle + half))))
        for middle, side in (((top + bottom) / 2, shape[0]), ((left + right) / 2, shape[1]))
    )


def _about_a_face(face: Face, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The rows and columns of a picture of this shape that the person with this face may take."""
    (x, y), wide, high = face.middle, face.box[2] - face.box[0], face.height
    return (
        slice(int(max(0, y - 2 * high) * shape[0]), int(np.ceil(min(1, y + 9 * high) * shape[0]))),
        slice(int(max(0, x - 3.5 * wide) * shape[1]), int(np.ceil(min(1, x + 3.5 * wide) * shape[1]))),
    )


def _shown(face: Face, part: tuple[slice, slice], shape: tuple[int, ...]) -> bool:
    """Whether a face is in this part, rows and columns, of a picture of this shape."""
    return all(
        taken.start <= at * side < taken.stop
        for taken, at, side in zip(part, reversed(face.middle), shape, strict=False)
    )


def _in(box: tuple[float, float, float, float], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (box[0] <= x) & (x <= box[2]) & (box[1] <= y) & (y <= box[3])


def _in_one_piece(silhouette: np.ndarray, surely: np.ndarray) -> np.ndarray:
    """The piece of a silhouette that has most of what surely is one, with a rim: hair and blur would stay behind."""
    pieces = cv2.connectedComponents(np.uint8(silhouette))[1]
    largest = np.bincount(pieces[surely & silhouette]).argmax()
    return cv2.dilate(np.uint8(pieces == largest), np.ones((3, 3), np.uint8)) > 0


def _cut(image: np.ndarray, face: Face, others: Sequence[Face]) -> tuple[np.ndarray, tuple[slice, slice]]:
    """bool (h, w): the figure in the part of the picture around it, where its face is _FACE pixels high; and the rows
    and columns of that part."""
    height, width = image.shape[:2]
    rows, columns = _about_a_face(face, image.shape)
    part, scale = image[rows, columns], _FACE / (face.height * height)
    size = [max(1, round(side * scale)) for side in part.shape[1::-1]]
    picture = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    places = (np.mgrid[: size[1], : size[0]] + 0.5) / np.reshape(size[::-1], (2, 1, 1))
    down, across = (
        (taken.start + axis * (taken.stop - taken.start)) / side
        for axis, taken, side in zip(places, (rows, columns), (height, width), strict=True)
    )
    return _figure(picture, _marks(face, others, across, down)), (rows, columns)


def _marks(face: Face, others: Sequence[Face], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """uint8 (h, w): what is surely, likely, hardly and surely not of a face's figure, in OpenCV's terms, at the places
    x, y (h, w) of the picture."""

    def off(of: Face) -> tuple[np.ndarray, np.ndarray]:
        """How far each place is to the right of a face and below it, in its own widths and heights."""
        return (x - of.middle[0]) / (of.box[2] - of.box[0]), (y - of.middle[1]) / of.height

    (aside, below), marks = off(face), np.full(x.shape, cv2.GC_BGD, np.uint8)
    body = np.abs(aside) < np.minimum(1.25, 0.45 + 1.2 * (below - 0.6))
    marks[_ellipse(aside, below, 1.35, 1.3) | (np.abs(aside) < 2.4) & (below > 0.3)] = cv2.GC_PR_BGD
    marks[_ellipse(aside, below + 0.1, 0.8, 0.9) | body & (below > 0.75)] = cv2.GC_PR_FGD
    chest = (np.abs(aside) < 0.45) & (below > 1.3) & (below < 3.2)
    marks[_ellipse(aside, below + 0.1, 0.42, 0.6) | chest] = cv2.GC_FGD
    for other in others:
        marks[_ellipse(*off(other), 0.5, 0.55)] = cv2.GC_BGD
    return marks


def _ellipse(x: np.ndarray, y: np.ndarray, wide: float, high: float) -> np.ndarray:
    return (x / wide) ** 2 + (y / high) ** 2 < 1


def _figure(picture: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """bool (h, w) of a picture (h, w, 3): the figure in one piece, without crumbs and small holes."""
    sure = marks == cv2.GC_FGD
    if sure.all() or not (sure.any() and (marks == cv2.GC_BGD).any()):
        return sure
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # the colours are clustered from random beginnings
    cv2.grabCut(picture, marks, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    figure = cv2.medianBlur(np.uint8((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)), 5)
    pieces = cv2.connectedComponents(figure)[1]
    figure = np.isin(pieces, np.unique(pieces[sure & (figure > 0)]))
    _, holes, sizes, _ = cv2.connectedComponentsWithStats(np.uint8(~figure), connectivity=4)
    figure |= np.isin(holes, np.flatnonzero(sizes[:, cv2.CC_STAT_AREA] < _HOLE * figure.sum()))
    return cv2.dilate(np.uint8(figure), np.ones((3, 3), np.uint8)) > 0  # a rim of hair and blur would stay as a ghost


def _placed(mask: np.ndarray, part: tuple[slice, slice], whole: tuple[int, ...], shape: tuple[int, int]) -> np.ndarray:
    """bool `shape`: the mask of a part, rows and columns, of a picture of the shape `whole`."""
    scales = [side / full for side, full in zip(shape, whole, strict=False)]
    first = [round(taken.start * scale) for taken, scale in zip(part, scales, strict=True)]
    last = [round(taken.stop * scale) for taken, scale in zip(part, scales, strict=True)]
    at = tuple(slice(start, max(start + 1, stop)) for start, stop in zip(first, last, strict=True))
    out = np.zeros(shape, bool)
    out[at] = resized(mask, out[at].shape) > 0.5
    return out
