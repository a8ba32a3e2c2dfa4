"""How people tell things apart that one name fits: by the side, the size, how near they are, the shade of their colour
and, of somebody, clothes, hat and hair."""

from collections import defaultdict
from collections.abc import Iterator

import attrs
import numpy as np

from dollygrip_backend.data.objects import SceneObject, other_words
from dollygrip_backend.predictor.colours import CENTRES, SHADES, lab

Said = tuple[tuple[str, ...], SceneObject]  # phrases that mean the same, and the object that they name

_LEFT = ("{} on the left", "left {}", "left-hand {}", "{} at the left edge", "leftmost {}")
_RIGHT = ("{} on the right", "right {}", "right-hand {}", "{} at the right edge", "rightmost {}")
_NEAR = ("nearest {}", "{} in the foreground", "closest {}", "{} in front")
_FAR = ("farthest {}", "{} in the background", "distant {}", "{} at the back")
_LARGE, _SMALL = ("big {}", "large {}", "bigger {}"), ("small {}", "little {}", "tiny {}")
_NAMES = 5  # other names of a thing, at most, that stand in a description: the first, which people say most
_APART = 0.12  # of the picture's width between two things of which one is said to be on the left
_NEARER, _LARGER = 1.3, 2.0  # ratios of depths and of shares of the picture that people remark
_OUTER = 1 / 3  # of the width: where a single thing is said to be on a side
_WEARERS = ("person", "man", "woman", "guy", "lady", "girl", "boy")
_TOPS = ("{} in the {} shirt", "{} in the {} top", "{} in the {} jacket", "{} in {}")
_BOTTOMS = ("{} in the {} trousers", "{} in the {} pants", "{} in the {} skirt")
_HATS = ("{} in the {}hat", "{} with the {}hat", "{} wearing the {}hat", "{} with the {}cap")
_HAIR = ("{} with the {}hair", "{} with {}hair")
_HEADWEAR = ("hat", "her hat", "his hat", "person's hat", "woman's hat", "man's hat")
_FACES = ("face", "her face", "his face", "head", "person's face", "woman's face", "man's face")
_FACE, _SHIRT, _LEGS = 0.16, 0.5, 1.3  # metres below the top of a head: the nose, the chest, the knees
_CROWN, _BRIM = 0.05, (0.08, 0.2)  # what covers the head; where a hat's brim is, if there is one …
_BROAD, _WHOLE = 0.14, 0.26  # … metres beside the middle that it surely reaches, and that it does not
_TELLING = 15  # pixels to a metre, at least, to tell a hat from hair
_ASIDE = 0.1  # metres beside the middle
_SKIN = 0.35  # metres: how far a surface may lie before or behind the middle of somebody and still be theirs
_WORDS = tuple(SHADES)
_SURELY = 16.0  # distance in CIE Lab to what a shade is, and a spread about it, that leave no doubt about the word …
_OTHERWISE = 30.0  # … and to what is surely called otherwise


@attrs.frozen
class Look:
    """The colours (3,) in CIE Lab of an object's middle and of somebody's chest, legs and head from above, None where
    it is not sure.

    face, hat: of somebody whose head is seen, and who wears one, how far below the middle of the body those are, over
    the picture's height.
    """

    middle: np.ndarray | None
    top: np.ndarray | None = None
    bottom: np.ndarray | None = None
    face: float | None = None
    crown: np.ndarray | None = None
    hat: float | None = None

    def scaled(self, factor: float) -> "Look":
        """In a picture whose height is so many times smaller."""
        places = {name: place * factor for name in ("face", "hat") if (place := getattr(self, name)) is not None}
        return attrs.evolve(self, **places)


def look_of(item: SceneObject, rgb: np.ndarray, depth: np.ndarray, focal: tuple[float, float]) -> Look:
    """rgb uint8 (H, W, 3) and depth (H, W) of the object's view; focal: (fx, fy) in pixels."""
    height, width = depth.shape
    row, column = int(item.y * height), int(item.x * width)
    theirs = np.abs(depth.astype(np.float32) - item.depth) < (_SKIN if item.name == "person" else 0.1 * item.depth)
    reach = max(1, round(np.sqrt(item.share * height * width) / 6))
    middle = _colour_at(rgb, theirs, row, column, reach)
    if item.name != "person":
        return Look(middle)
    gaps = np.nonzero(~theirs[: row + 1, column])[0]
    if not len(gaps):  # cut by the picture's edge: who knows where the head is
        return Look(middle)
    head = gaps.max() + 1
    focal = np.array(focal)
    metre, reach = focal[1] / item.depth, max(1, round(0.07 * focal[1] / item.depth))
    aside = round(_ASIDE * focal[0] / item.depth)
    legs = [_colour_at(rgb, theirs, round(head + _LEGS * metre), column + side, reach) for side in (-aside, aside)]
    seen = [colour for colour in legs if colour is not None]
    top = _colour_at(rgb, theirs, round(head + _SHIRT * metre), column, reach)
    face = (head + _FACE * metre - row) / height
    if face >= 0 or metre < _TELLING:
        return Look(middle, top, seen[0] if seen else None, face if face < 0 else None)
    crown = _colour_at(rgb, theirs, round(head + _CROWN * metre), column, max(1, reach // 2))
    hat = (head + _CROWN * metre - row) / height if _brimmed(theirs, head, column, focal / item.depth) else None
    return Look(middle, top, seen[0] if seen else None, face, crown, hat)


def _brimmed(theirs: np.ndarray, head: int, column: int, metre: np.ndarray) -> bool:
    """Whether somebody's head widens to a brim below its top; metre: (across, down) in pixels."""
    top, bottom = (head + round(down * metre[1]) for down in _BRIM)
    near, far = (round(aside * metre[0]) for aside in (_BROAD, _WHOLE))
    if column - far < 0 or column + far >= theirs.shape[1]:
        return False
    broad = theirs[top : bottom + 1, [column - near, column + near]].any(0).all()
    beyond = theirs[head : bottom + 1, [column - far, column + far]].any()
    above = theirs[head : max(head + 1, head + round(_CROWN * metre[1])), [column - near, column + near]].any()
    return bool(broad and not beyond and not above)


def _colour_at(rgb: np.ndarray, theirs: np.ndarray, row: int, column: int, reach: int) -> np.ndarray | None:
    """CIE Lab of the window about a pixel, None outside, where it shows other things or more than one colour."""
    height, width = theirs.shape
    if not (0 <= row < height and 0 <= column < width):
        return None
    window = np.s_[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
    pixels = rgb[window][theirs[window]]
    if theirs[window].mean() < 0.7:
        return None
    points = lab(pixels / 255)
    colour = np.median(points, 0)
    return colour if np.median(np.linalg.norm(points - colour, axis=1)) < _SURELY else None


def shades(colours: list[np.ndarray | None]) -> list[tuple[str, ...] | None]:
    """The words for each of the colours, None where there is a doubt or another of them may be called so, too."""
    words = []
    for i, colour in enumerate(colours):
        others = [other for k, other in enumerate(colours) if k != i]
        if colour is None or any(other is None for other in others):
            words.append(None)
            continue
        away = np.linalg.norm(CENTRES - colour, axis=1)
        best = int(away.argmin())
        alone = all(np.linalg.norm(CENTRES[best] - other) > _OTHERWISE for other in others)
        words.append(_WORDS[best] if away[best] < _SURELY and alone else None)
    return words


def descriptions(things: list[tuple[SceneObject, Look]]) -> list[Said]:
    """What tells the things of one picture apart beyond name and colour."""
    by_name, by_phrase = defaultdict(list), defaultdict(list)
    for thing in things:
        by_name[thing[0].name].append(thing)
        if thing[0].colour:
            by_phrase[thing[0].phrase].append(thing[0])
    said: list[Said] = []
    for name, group in by_name.items():
        names = (name, *other_words(name)[:_NAMES])
        items = [item for item, _ in group]
        placed = [*_by_side(items), *_by_order(items)]
        said += [(_worded(patterns, names), item) for patterns, item in placed]
        for words, (item, _) in zip(shades([look.middle for _, look in group]), group, strict=True):
            if words and name != "person":
                said.append((tuple(f"{shade} {name}" for shade in words), item))
    people = by_name["person"]
    said += [*_dressed(people), *_topped(people)]
    if len(people) == 1:
        (somebody, look), *_ = people
        if look.face is not None and somebody.y + look.face > 0:
            said.append((_FACES, attrs.evolve(somebody, y=somebody.y + look.face)))
    for phrase, items in by_phrase.items():
        said += [(_worded(patterns[:1], (phrase,)), item) for patterns, item in _by_side(items)]
    return said


def _by_side(items: list[SceneObject]) -> Iterator[tuple[tuple[str, ...], SceneObject]]:
    """The leftmost and the rightmost of several, or one alone that is near an edge."""
    ordered = sorted(items, key=lambda item: item.x)
    first, last = ordered[0], ordered[-1]
    if len(items) == 1:
        left, right = first.x < _OUTER, last.x > 1 - _OUTER
    else:
        left, right = ordered[1].x - first.x > _APART, last.x - ordered[-2].x > _APART
    if left:
        yield _LEFT, first
    if right:
        yield _RIGHT, last


def _by_order(items: list[SceneObject]) -> Iterator[tuple[tuple[str, ...], SceneObject]]:
    """Of several the nearest and the farthest, the largest and the smallest."""
    if len(items) < 2:
        return
    by_depth = sorted(items, key=lambda item: item.depth)
    by_share = sorted(items, key=lambda item: item.share)
    for patterns, item, ratio in (
        (_NEAR, by_depth[0], by_depth[1].depth / by_depth[0].depth / _NEARER),
        (_FAR, by_depth[-1], by_depth[-1].depth / by_depth[-2].depth / _NEARER),
        (_SMALL, by_share[0], by_share[1].share / by_share[0].share / _LARGER),
        (_LARGE, by_share[-1], by_share[-1].share / by_share[-2].share / _LARGER),
    ):
        if ratio > 1:
            yield patterns, item


def _dressed(people: list[tuple[SceneObject, Look]]) -> Iterator[Said]:
    """People by what they alone wear."""
    for part, patterns in (("top", _TOPS), ("bottom", _BOTTOMS)):
        worn = shades([getattr(look, part) for _, look in people])
        for words, (item, _) in zip(worn, people, strict=True):
            if words:
                yield tuple(pattern.format(who, words[0]) for pattern in patterns for who in _WEARERS), item


def _topped(people: list[tuple[SceneObject, Look]]) -> Iterator[Said]:
    """People by their hat or by their hair, and the only hat, where all heads are seen."""
    if any(look.crown is None for _, look in people):
        return
    covered = [(item, look) for item, look in people if look.hat is not None]
    for (item, look), words in zip(people, shades([look.crown for _, look in people]), strict=True):
        patterns = _HAIR if look.hat is None else _HATS
        if words:
            yield tuple(pattern.format(who, f"{words[0]} ") for pattern in patterns for who in _WEARERS), item
    if len(covered) == 1:
        (item, look), *_ = covered
        yield tuple(pattern.format(who, "") for pattern in _HATS for who in _WEARERS), item
        if item.y + look.hat > 0:
            yield _HEADWEAR, attrs.evolve(item, y=item.y + look.hat)


def _worded(patterns: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(pattern.format(name) for pattern in patterns for name in names)
