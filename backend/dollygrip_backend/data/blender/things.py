"""Single objects that a person would name by their colour and kind ("the red crate"), and where they are strewn."""

import colorsys

import numpy as np
from catalogue import CATALOGUE, FRONTED, NATURAL, made_of
from mathutils import Matrix, Vector
from stage import Stage, place, surface_below

# Each thing is 1 high, stands on z = 0, and has parts (shape, centre, size); the parts after None are trim.
PARTS = {
    "box": [("cube", (0, 0, 0.5), (1.1, 0.9, 1))],
    "crate": [("cube", (0, 0, 0.5), (1, 1, 1)), None, ("cube", (0, 0, 0.5), (0.8, 1.02, 0.8))],
    "ball": [("sphere", (0, 0, 0.5), (1, 1, 1))],
    "cup": [("cup", (0, 0, 0.5), (0.9, 0.9, 1)), ("torus", (0.4, 0, 0.5), (0.5, 0.15, 0.6))],
    "ring": [("torus", (0, 0, 0.35), (3, 3, 3))],
    "figurine": [("monkey", (0, 0, 0.5), (0.5, 0.5, 0.5))],
    "bottle": [("cylinder", (0, 0, 0.35), (0.36, 0.36, 0.7)), ("cylinder", (0, 0, 0.83), (0.13, 0.13, 0.34))],
    "vase": [("sphere", (0, 0, 0.4), (0.6, 0.6, 0.8)), ("cup", (0, 0, 0.85), (0.3, 0.3, 0.3))],
    "book": [("cube", (0, 0, 0.5), (3.5, 5, 1)), None, ("cube", (0.05, 0, 0.5), (3.45, 4.9, 0.8))],
    "candle": [("cylinder", (0, 0, 0.5), (0.3, 0.3, 1)), None, ("cone", (0, 0, 1.08), (0.06, 0.06, 0.16))],
    "mushroom": [("sphere", (0, 0, 0.75), (0.9, 0.9, 0.5)), None, ("frustum", (0, 0, 0.35), (0.4, 0.4, 0.7))],
    "bucket": [("cup", (0, 0, 0.5), (1, 1, 1)), None, ("torus", (0, 0, 0.95), (1.05, 1.05, 0.4))],
    "barrel": [("cylinder", (0, 0, 0.5), (0.66, 0.66, 1)), ("cylinder", (0, 0, 0.5), (0.74, 0.74, 0.4))],
    "cone": [("cone", (0, 0, 0.52), (0.6, 0.6, 0.96)), ("cube", (0, 0, 0.03), (0.8, 0.8, 0.06))],
    "stool": [("cylinder", (0, 0, 0.95), (0.8, 0.8, 0.1)), ("cylinder", (0, 0, 0.45), (0.12, 0.12, 0.9))],
    "suitcase": [("cushion", (0, 0, 0.45), (1.2, 0.4, 0.9)), None, ("torus", (0, 0, 0.93), (0.4, 0.1, 0.3))],
    "armchair": [
        ("cushion", (0, 0, 0.3), (1, 0.95, 0.4)),
        ("cushion", (0, 0.4, 0.65), (1, 0.25, 0.7)),
        ("cushion", (-0.48, 0, 0.45), (0.22, 0.95, 0.5)),
        ("cushion", (0.48, 0, 0.45), (0.22, 0.95, 0.5)),
    ],
    "hydrant": [
        ("cylinder", (0, 0, 0.4), (0.36, 0.36, 0.8)),
        ("sphere", (0, 0, 0.8), (0.4, 0.4, 0.4)),
        ("cylinder", (0, 0, 0.06), (0.5, 0.5, 0.12)),
        ("cube", (0, 0, 0.6), (0.62, 0.2, 0.2)),
    ],
    "mailbox": [("cushion", (0, 0, 0.82), (0.3, 0.45, 0.34)), None, ("cube", (0, 0, 0.35), (0.08, 0.08, 0.7))],
    "sign": [("cube", (0, 0, 0.82), (0.5, 0.03, 0.36)), None, ("cylinder", (0, 0.03, 0.5), (0.04, 0.04, 1))],
    "bench": [
        ("cube", (0, 0, 0.5), (2, 0.5, 0.08)),
        ("cube", (0, 0.24, 0.82), (2, 0.06, 0.36)),
        None,
        ("cube", (-0.85, 0, 0.25), (0.08, 0.45, 0.5)),
        ("cube", (0.85, 0, 0.25), (0.08, 0.45, 0.5)),
    ],
    "umbrella": [("cone", (0, 0, 0.88), (1.2, 1.2, 0.24)), None, ("cylinder", (0, 0, 0.45), (0.03, 0.03, 0.9))],
    "balloon": [("sphere", (0, 0, 0.8), (0.34, 0.34, 0.4)), None, ("cylinder", (0, 0, 0.3), (0.008, 0.008, 0.6))],
    "tent": [("roof", (0, 0, 0), (1.4, 1.3, 1))],
    "door": [("cube", (0, 0, 0.5), (0.45, 0.03, 1)), None, ("sphere", (0.17, -0.02, 0.47), (0.03, 0.03, 0.03))],
    "boat": [("cup", (0, 0, 0.4), (1.2, 3.4, 0.8)), None, ("cylinder", (0, 0, 0.5), (0.06, 0.06, 1))],
    "shed": [("cube", (0, 0, 0.35), (1, 0.9, 0.7)), None, ("roof", (0, 0, 0.7), (1.15, 1.05, 0.3))],
    "tower": [
        ("frustum", (0, 0, 0.42), (0.36, 0.36, 0.84)),
        ("cylinder", (0, 0, 0.84), (0.3, 0.3, 0.08)),
        ("cone", (0, 0, 0.94), (0.24, 0.24, 0.12)),
    ],
}
# Natural heights in metres.
HEIGHTS = {
    **dict.fromkeys(("cup", "ball", "box", "candle", "mushroom", "figurine"), (0.08, 0.3)),
    **dict.fromkeys(("bottle", "vase"), (0.18, 0.5)),
    **dict.fromkeys(("book", "ring"), (0.03, 0.06)),
    **dict.fromkeys(("bucket", "crate", "cone", "stool", "suitcase"), (0.35, 0.8)),
    **dict.fromkeys(("barrel", "armchair", "hydrant", "mailbox", "bench"), (0.8, 1.2)),
    **dict.fromkeys(("sign", "umbrella", "balloon", "door", "tent"), (1.6, 2.3)),
    **dict.fromkeys(("boat", "shed"), (2.2, 4.0)),
    "tower": (9.0, 25.0),
}
SMALL = ("cup", "ball", "box", "candle", "mushroom", "figurine", "bottle", "vase", "book", "ring")
HAVE_A_FRONT = ("door", "sign", *FRONTED)
FLAT = 0.9  # cosine of the steepest ground that things stand on


def thing(s: Stage, at: Matrix, size: float) -> None:
    """A small object, about `size` metres, of any material; one in six is a plant or a stone."""
    if s.rng.uniform() < 1 / 6:
        with s.thing("stone"):
            s.put(f"rock_{s.rng.integers(6)}", (0, 0, size * 0.4), size, s.rng.uniform(0, 6.3), parent=at)
        return
    name = str(s.rng.choice(SMALL))
    height = size * (0.25 if name in ("book", "ring") else 1.0)
    clear = s.rng.uniform() < 0.5
    build(s, name, at @ Matrix.Scale(height, 4), s.materials.clear() if clear else s.materials.any())


def build(s: Stage, name: str, at: Matrix, material) -> None:
    """The thing `name`, a key of PARTS or of CATALOGUE, 1 high, standing at `at`."""
    trim = None
    turn = Matrix.Rotation(s.rng.uniform(0, 6.3), 4, "Z") if name not in HAVE_A_FRONT else Matrix()
    with s.thing(name):
        for part in PARTS.get(name) or CATALOGUE[name]:
            if not isinstance(part, tuple):
                trim = made_of(s.materials, part)
                continue
            shape, centre, size, *tilt = part
            s.put(shape, centre, size, material=trim or material, parent=at @ turn, tilt=tilt[0] if tilt else (0, 0))


def strew(
    s: Stage,
    camera: Matrix,
    tangents: tuple[float, float],
    count: int,
    heights: dict[str, tuple[float, float]],
    apparent: tuple[float, float],
) -> None:
    """Up to `count` things of one clear colour each, or of their natural one, on level surfaces that the camera sees.

    tangents: of half the horizontal and the vertical angle of view; heights: by name, in metres; apparent: height over
    depth.
    """
    for _ in range(6 * count):
        if not count:
            return
        x, y = s.rng.uniform(-0.9, 0.9), s.rng.uniform(-0.95, 0.35)
        ray = camera.to_3x3() @ Vector((x * tangents[0], y * tangents[1], -1.0))
        hit = surface_below(camera.translation, ray, FLAT)
        if hit is None:
            continue
        depth = -(camera.inverted() @ hit).z
        share = np.exp(s.rng.uniform(*np.log(apparent)))
        fitting = [n for n, (low, high) in heights.items() if low <= share * depth <= high]
        if not fitting:
            continue
        name = str(s.rng.choice(fitting))
        facing = np.arctan2(*(camera.translation - hit).xy) if name in HAVE_A_FRONT else 0.0
        at = place(*hit, turn=np.pi - facing + s.rng.normal() * 0.4, scale=share * depth)
        build(s, name, at, _colour_of(s, name))
        count -= 1


def _colour_of(s: Stage, name: str):
    """The material of a strewn thing: of a clear colour, or half of the time its natural one where it has one."""
    if name not in NATURAL or s.rng.uniform() < 0.5:
        return s.materials.clear()
    kind, *hsv = NATURAL[name]
    hue, saturation, value = np.array(hsv) + s.rng.normal(size=3) * (0.01, 0.08, 0.1)
    rgb = colorsys.hsv_to_rgb(hue % 1, *np.clip((saturation, value), 0, 0.97))
    return s.materials.named(kind, size=0.3, colour=(*(c**2.2 for c in rgb), 1.0))
