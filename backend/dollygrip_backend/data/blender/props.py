"""Things that stand in scenes, built from a few shapes around a placing matrix (origin on the ground, facing -y)."""

from collections.abc import Callable
from functools import wraps

import numpy as np
from mathutils import Matrix
from stage import Stage, place
from things import thing


def named(name: str) -> Callable:
    """A decorator: what the prop puts into the scene is one object of this name."""

    def decorate(build: Callable) -> Callable:
        @wraps(build)
        def naming(s: Stage, *arguments, **options) -> None:
            with s.thing(name):
                build(s, *arguments, **options)

        return naming

    return decorate


@named("person")
def person(s: Stage, at: Matrix) -> None:
    """A clothed figure of about 1.75 m."""
    rng, m = s.rng, s.materials
    skin, hair = m.named("skin"), m.named("noise", hue=rng.choice([0.05, 0.08, 0.1, 0.0]), size=0.1)
    top, bottom, dark = m.any(), m.any(), m.named("plain")
    lean = rng.normal() * 0.06
    s.put("sphere", (0, 0, 1.58), (0.19, 0.22, 0.27), material=skin, parent=at)
    s.put("sphere", (0, 0.03, 1.63), (0.22, 0.235, 0.27), material=hair, parent=at)
    if rng.uniform() < 0.45:  # long hair
        s.put("sphere", (0, 0.07, 1.46), (0.28, 0.16, rng.uniform(0.4, 0.75)), material=hair, parent=at)
    if rng.uniform() < 0.2:  # a hat
        s.put("cylinder", (0, 0.01, 1.7), (0.36, 0.36, 0.02), material=dark, parent=at)
        s.put("frustum", (0, 0.01, 1.76), (0.24, 0.24, 0.14), material=dark, parent=at)
    for x in (-0.04, 0.04):
        s.put("sphere", (x, -0.095, 1.6), (0.03, 0.03, 0.02), material=dark, parent=at)
    s.put("cone", (0, -0.11, 1.56), (0.035, 0.04, 0.05), material=skin, parent=at)
    s.put("cylinder", (0, 0.02, 1.43), (0.1, 0.1, 0.14), material=skin, parent=at)
    s.put("sphere", (0, 0.02, 1.2), (0.42, 0.25, 0.5), material=top, parent=at)
    s.put("cushion", (0, 0.02, 1.08), (0.36, 0.23, 0.5), material=top, parent=at)
    skirt = rng.uniform() < 0.3
    if skirt:
        s.put("frustum", (0, 0.02, 0.65), (0.55, 0.45, 0.6), material=bottom, parent=at)
    for side in (-1, 1):
        swing, raised = rng.normal() * 0.3, rng.uniform(0.1, 0.5)
        s.put(
            "cylinder",
            (side * 0.24, 0.02, 1.2),
            (0.1, 0.1, 0.32),
            tilt=(swing * 0.5, -side * raised * 0.4),
            material=top,
            parent=at,
        )
        s.put(
            "cylinder",
            (side * 0.29, 0.02 - swing * 0.1, 0.92),
            (0.075, 0.075, 0.3),
            tilt=(swing, 0),
            material=skin,
            parent=at,
        )
        step = rng.normal() * 0.12 + lean
        s.put(
            "cylinder",
            (side * 0.1, 0.02 + step * 0.3, 0.42),
            (0.15, 0.15, 0.86),
            tilt=(step, 0),
            material=bottom,
            parent=at,
        )
        s.put("cushion", (side * 0.1, -0.04 + step * 0.5, 0.04), (0.1, 0.26, 0.08), material=dark, parent=at)


@named("dog")
def animal(s: Stage, at: Matrix) -> None:
    """A four-legged animal about 0.7 m high that looks at the viewer."""
    rng = s.rng
    coat = s.materials.named(str(rng.choice(["plain", "noise", "cells"])), hue=rng.uniform(0.03, 0.12), size=0.3)
    dark = s.materials.named("plain")
    s.put("sphere", (0, 0.35, 0.45), (0.32, 0.85, 0.36), material=coat, parent=at)
    s.put("sphere", (0, -0.02, 0.55), (0.26, 0.4, 0.42), material=coat, parent=at, tilt=(0.5, 0))
    s.put("sphere", (0, -0.15, 0.76), (0.25, 0.28, 0.25), material=coat, parent=at)
    s.put("cushion", (0, -0.31, 0.71), (0.13, 0.2, 0.12), material=coat, parent=at)
    s.put("sphere", (0, -0.41, 0.74), (0.05, 0.04, 0.04), material=dark, parent=at)
    for side in (-1, 1):
        s.put("sphere", (side * 0.06, -0.26, 0.81), 0.035, material=dark, parent=at)
        s.put("cone", (side * 0.11, -0.1, 0.88), (0.1, 0.06, 0.16), tilt=(0, side * 0.5), material=coat, parent=at)
        for y in (0.05, 0.65):
            s.put("cylinder", (side * 0.11, y, 0.2), (0.08, 0.1, 0.42), material=coat, parent=at)


def tree(s: Stage, at: Matrix) -> None:
    """A broad-leaved tree, a conifer or a bush, 1 to 9 m."""
    rng, m = s.rng, s.materials
    bark, leaf = m.named("noise", hue=0.07, size=0.3), m.named("leaf", size=rng.uniform(0.3, 1.5))
    if rng.uniform() < 0.2:
        with s.thing("bush"):
            s.put(f"crown_{rng.integers(6)}", (0, 0, 0.5), rng.uniform(0.8, 1.8), material=leaf, parent=at)
        return
    with s.thing("tree"):
        _trunk_and_crown(s, at, bark, leaf, rng.uniform(3, 9), conifer=rng.uniform() < 0.3)


def _trunk_and_crown(s: Stage, at: Matrix, bark, leaf, height: float, conifer: bool) -> None:
    rng = s.rng
    s.put(
        "cylinder",
        (0, 0, height * 0.25),
        (0.07 * height**0.8, 0.07 * height**0.8, height * 0.5),
        material=bark,
        parent=at,
    )
    if conifer:
        for i in range(4):
            z, w = height * (0.3 + 0.2 * i), height * (0.42 - 0.09 * i)
            s.put("cone", (0, 0, z), (w, w, height * 0.32), material=leaf, parent=at)
        return
    for _ in range(rng.integers(2, 5)):
        x, y = rng.normal(size=2) * 0.13 * height
        s.put(
            f"crown_{rng.integers(6)}",
            (x, y, height * rng.uniform(0.55, 0.85)),
            height * rng.uniform(0.3, 0.55),
            rng.uniform(0, 6),
            leaf,
            at,
        )


@named("door")
def door_of(s: Stage, centre, size, at: Matrix) -> None:
    """A door of planks or of one clear colour in a wall that stands at `at`."""
    material = s.materials.clear() if s.rng.uniform() < 0.6 else s.materials.named("planks")
    s.put("cube", centre, size, material=material, parent=at)


@named("house")
def house(s: Stage, at: Matrix, width: float, depth: float, storeys: int) -> None:
    """A house with a gable roof, windows and a door, its front towards -y."""
    rng, m = s.rng, s.materials
    height = 2.8 * storeys
    wall, frame = (
        m.named(str(rng.choice(["plain", "brick", "planks", "noise"])), size=rng.uniform(0.7, 1.5)),
        m.named("plain"),
    )
    glass, roof = m.named("plain", hue=0.6, gloss=0.4), m.named(str(rng.choice(["brick", "stripes", "plain", "noise"])))
    s.put("cube", (0, depth / 2, height / 2), (width, depth, height), material=wall, parent=at)
    rise = rng.uniform(0.2, 0.5) * depth
    s.put("roof", (0, depth / 2, height), (width * 1.1, depth * 1.15, rise), material=roof, parent=at)
    columns = max(2, int(width / 2.5))
    door = rng.integers(columns)
    for storey in range(storeys):
        for i in range(columns):
            x, z = (i + 0.5) / columns * width - width / 2, 2.8 * storey + 1.5
            if storey == 0 and i == door:
                door_of(s, (x, 0, 1.05), (1.0, 0.14, 2.1), at)
                continue
            s.put("cube", (x, 0, z), (1.15, 0.16, 1.35), material=frame, parent=at)
            s.put("cube", (x, -0.03, z), (0.95, 0.14, 1.15), material=glass, parent=at)


@named("car")
def car(s: Stage, at: Matrix) -> None:
    """A car 4.2 m long, its length along y."""
    dark, glass = (s.materials.named("plain", gloss=g) for g in (0.0, 0.4))
    paint = s.materials.clear() if s.rng.uniform() < 0.6 else s.materials.named("plain", gloss=0.15)
    s.put("cushion", (0, 0, 0.6), (1.8, 4.2, 0.8), material=paint, parent=at)
    s.put("cushion", (0, 0.2, 1.1), (1.6, 2.3, 0.9), material=glass, parent=at)
    s.put("cushion", (0, 0.2, 1.45), (1.45, 1.7, 0.3), material=paint, parent=at)
    for x in (-0.8, 0.8):
        for y in (-1.3, 1.3):
            s.put("cylinder", (x, y, 0.33), (0.66, 0.66, 0.25), tilt=(0, np.pi / 2), material=dark, parent=at)


@named("table")
def table(s: Stage, at: Matrix, width: float = 1.4, depth: float = 0.8, height: float = 0.75) -> None:
    """A table with four legs and some things on it."""
    wood = s.materials.named(str(s.rng.choice(["wood", "plain", "planks"])))
    s.put("cube", (0, 0, height), (width, depth, 0.05), material=wood, parent=at)
    for x in (-0.45, 0.45):
        for y in (-0.42, 0.42):
            s.put("cube", (x * width, y * depth, height / 2), (0.06, 0.06, height), material=wood, parent=at)
    for _ in range(s.rng.integers(1, 5)):
        x, y = s.rng.uniform(-0.4, 0.4, 2) * (width, depth)
        thing(s, at @ place(x, y, height + 0.025), s.rng.uniform(0.1, 0.3))


@named("chair")
def chair(s: Stage, at: Matrix) -> None:
    """A chair, its back at +y."""
    wood, seat = s.materials.named("wood"), s.materials.any()
    if s.rng.uniform() < 0.4:
        wood = seat = s.materials.clear()
    s.put("cushion", (0, 0, 0.45), (0.46, 0.46, 0.08), material=seat, parent=at)
    s.put("cube", (0, 0.21, 0.75), (0.44, 0.04, 0.5), material=wood, parent=at)
    for x in (-0.2, 0.2):
        for y in (-0.2, 0.2):
            s.put("cube", (x, y, 0.22), (0.04, 0.04, 0.44), material=wood, parent=at)


@named("sofa")
def sofa(s: Stage, at: Matrix) -> None:
    """A sofa or, when narrow, an armchair."""
    cloth = s.materials.clear() if s.rng.uniform() < 0.5 else s.materials.any()
    width = s.rng.choice([0.9, 1.6, 2.1])
    s.put("cushion", (0, 0, 0.28), (width, 0.9, 0.4), material=cloth, parent=at)
    s.put("cushion", (0, 0.36, 0.6), (width, 0.25, 0.6), material=cloth, parent=at)
    for x in (-0.5, 0.5):
        s.put("cushion", (x * width, 0, 0.4), (0.22, 0.9, 0.5), material=cloth, parent=at)
    for _ in range(s.rng.integers(0, 3)):
        s.put("cushion", (s.rng.uniform(-0.3, 0.3) * width, 0.1, 0.6), (0.45, 0.16, 0.42), tilt=(-0.3, 0), parent=at)


@named("bookshelf")
def shelf(s: Stage, at: Matrix) -> None:
    """A shelf with rows of books and objects, its back at +y."""
    wood, width, height = s.materials.named("wood"), s.rng.uniform(0.8, 1.8), s.rng.uniform(1.0, 2.2)
    spines = [s.materials.any() for _ in range(4)]
    levels = int(height / 0.38)
    for x in (-0.5, 0.5):
        s.put("cube", (x * width, 0, height / 2), (0.04, 0.34, height), material=wood, parent=at)
    s.put("cube", (0, 0.16, height / 2), (width, 0.02, height), material=wood, parent=at)
    for level in range(levels + 1):
        z = level * height / levels
        s.put("cube", (0, 0, z), (width, 0.34, 0.03), material=wood, parent=at)
        x = -0.46 * width
        while level < levels and x < 0.4 * width:
            w, h = s.rng.uniform(0.04, 0.16), s.rng.uniform(0.15, 0.32)
            if s.rng.uniform() < 0.75:
                s.put("cube", (x + w / 2, 0, z + h / 2), (w, 0.24, h), material=spines[s.rng.integers(4)], parent=at)
            x += w + 0.005 + (s.rng.uniform() < 0.15) * 0.2


@named("plant")
def plant(s: Stage, at: Matrix) -> None:
    """A potted plant."""
    h = s.rng.uniform(0.5, 1.6)
    s.put("cup", (0, 0, 0.15 * h), (0.4 * h, 0.4 * h, 0.3 * h), parent=at)
    leaf = s.materials.named("leaf", size=0.2)
    for _ in range(3):
        x, y = s.rng.normal(size=2) * 0.1 * h
        s.put(
            f"crown_{s.rng.integers(6)}",
            (x, y, h * s.rng.uniform(0.5, 0.9)),
            h * s.rng.uniform(0.3, 0.6),
            material=leaf,
            parent=at,
        )


@named("lamp")
def floor_lamp(s: Stage, at: Matrix) -> None:
    """A floor lamp that glows."""
    s.put("cylinder", (0, 0, 0.75), (0.03, 0.03, 1.5), parent=at)
    s.put("cylinder", (0, 0, 0.01), (0.3, 0.3, 0.03), parent=at)
    s.put("frustum", (0, 0, 1.6), (0.4, 0.4, 0.3), material=s.materials.named("glow", hue=0.1), parent=at)
