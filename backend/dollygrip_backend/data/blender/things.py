"""Single objects that a person would name by their colour and kind ("the red crate"), and where they are strewn."""

import colorsys

import numpy as np
from catalogue import CATALOGUE, FRONTED, NATURAL, made_of
from mathutils import Matrix, Vector
from stage import Stage, place, surface_below

SMALL = ("cup", "ball", "box", "candle", "mushroom", "figurine", "bottle", "vase", "book", "ring")
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
    """The thing `name`, a key of CATALOGUE, 1 high, standing at `at`."""
    trim = None
    turn = Matrix.Rotation(s.rng.uniform(0, 6.3), 4, "Z") if name not in FRONTED else Matrix()
    with s.thing(name):
        for part in CATALOGUE[name]:
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
        facing = np.arctan2(*(camera.translation - hit).xy) if name in FRONTED else 0.0
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
