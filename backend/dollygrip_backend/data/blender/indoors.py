"""Rooms and tables."""

import numpy as np
import props
from mathutils import Vector
from stage import Framing, Sampler, Stage, place


def interior(s: Stage) -> Sampler:
    """A furnished room with windows in one or two walls."""
    rng = s.rng
    w, d, h = rng.uniform(3, 9), rng.uniform(3.5, 11), rng.uniform(2.4, 4.0)
    room(s, w, d, h)
    against_wall = [props.shelf, props.sofa, props.floor_lamp, props.plant, props.table, props.chair]
    for _ in range(rng.integers(4, 10)):
        side = rng.integers(3)
        prop = against_wall[rng.integers(len(against_wall))]
        along = rng.uniform(-0.4, 0.4)
        at = [
            place(along * w, d / 2 - 0.6),
            place(-w / 2 + 0.6, along * d, 0, np.pi / 2),
            place(w / 2 - 0.6, along * d, 0, -np.pi / 2),
        ]
        prop(s, at[side])
    for _ in range(rng.integers(0, 4)):
        prop = [props.table, props.chair, props.sofa, props.person, props.plant, props.animal][rng.integers(6)]
        prop(s, place(*rng.uniform(-0.28, 0.28, 2) * (w, d), 0, rng.normal() * 1.5))
    if rng.uniform() < 0.6:  # a rug
        size = (*rng.uniform(0.3, 0.6, 2) * (w, d), 0.02)
        with s.thing("rug"):
            s.put("cube", (*rng.uniform(-0.15, 0.15, 2) * (w, d), 0.01), size, material=s.materials.any())
    s.sky(outdoors=False)

    def sample() -> Framing:
        position = np.array(
            [rng.uniform(-0.4, 0.4) * w, rng.uniform(-0.46, -0.1) * d, rng.uniform(0.5, min(2.2, h - 0.4))]
        )
        target = np.array([rng.uniform(-0.4, 0.4) * w, rng.uniform(0.1, 0.5) * d, rng.uniform(0.2, 1.6)])
        return position, target

    return sample


def room(s: Stage, w: float, d: float, h: float) -> None:
    """Floor, ceiling, four walls around the origin, openings with frames and light, pictures on the walls."""
    rng, m = s.rng, s.materials
    wall = m.named(str(rng.choice(["plain", "plain", "noise", "brick", "stripes", "planks"])), size=rng.uniform(0.5, 2))
    frame = m.named("plain")
    s.put(
        "plane",
        (0, 0, 0),
        (w, d, 1),
        material=m.named(str(rng.choice(["planks", "tiles", "plain", "checker", "wood", "noise"]))),
    )
    s.put("plane", (0, 0, h), (w, d, 1), material=m.named("plain"), tilt=(np.pi, 0))
    # Each wall is given by its centre, its outward turn and its length.
    walls = [((0, d / 2), 0.0, w), ((-w / 2, 0), np.pi / 2, d), ((w / 2, 0), -np.pi / 2, d), ((0, -d / 2), np.pi, w)]
    for i, ((x, y), turn, length) in enumerate(walls):
        at = place(x, y, 0, turn)
        if i < 3 and rng.uniform() < 0.45:
            _wall_with_window(s, at, length, h, wall, frame)
            continue
        s.put("cube", (0, 0.05, h / 2), (length + 0.2, 0.1, h), material=wall, parent=at)
        for _ in range(rng.integers(0, 4)):
            px, pz, pw, ph = (
                rng.uniform(-0.4, 0.4) * length,
                rng.uniform(1.2, 1.9),
                rng.uniform(0.25, 1.1),
                rng.uniform(0.25, 0.9),
            )
            with s.thing("picture"):
                s.put("cube", (px, -0.01, pz), (pw + 0.06, 0.03, ph + 0.06), material=frame, parent=at)
                s.put("cube", (px, -0.02, pz), (pw, 0.03, ph), material=m.named("painting", size=0.4), parent=at)
        if rng.uniform() < 0.4:
            props.door_of(s, (rng.uniform(-0.35, 0.35) * length, 0, 1.02), (0.9, 0.06, 2.05), at)
    for _ in range(rng.integers(1, 4)):
        at = (*rng.uniform(-0.4, 0.4, 2) * (w, d), h - 0.05)
        s.lamp("AREA", at, rng.uniform(3, 10) * w * d / 3, rng.uniform(0.3, 1.5), warmth=rng.uniform(-0.3, 0.9))


def _wall_with_window(s: Stage, at, length: float, h: float, wall, frame) -> None:
    """A wall of four blocks around an opening, with a frame, by which the window is known, and daylight."""
    width, low, high = s.rng.uniform(0.25, 0.7) * length, s.rng.uniform(0.1, 1.0), s.rng.uniform(1.9, h - 0.15)
    centre = s.rng.uniform(-0.5, 0.5) * (length - width - 0.3)
    left, right = centre - width / 2 + length / 2, length / 2 - centre - width / 2
    s.put("cube", (-length / 2 + left / 2, 0.05, h / 2), (left, 0.1, h), material=wall, parent=at)
    s.put("cube", (length / 2 - right / 2, 0.05, h / 2), (right, 0.1, h), material=wall, parent=at)
    s.put("cube", (centre, 0.05, low / 2), (width, 0.1, low), material=wall, parent=at)
    s.put("cube", (centre, 0.05, (h + high) / 2), (width, 0.1, h - high), material=wall, parent=at)
    with s.thing("window"):
        for i in range(bars := s.rng.integers(2, 5)):
            x = centre + width * (i / (bars - 1) - 0.5)
            s.put("cube", (x, 0.05, (low + high) / 2), (0.06, 0.08, high - low), material=frame, parent=at)
        for z in (low, high):
            s.put("cube", (centre, 0.05, z), (width + 0.1, 0.14, 0.06), material=frame, parent=at)
    x, y, z = at @ Vector((centre, -0.05, (low + high) / 2))
    turn = at.to_euler().z
    s.lamp(
        "AREA",
        (x, y, z),
        s.rng.uniform(15, 60) * width,
        width * 0.8,
        (-np.pi / 2, 0, turn),
        warmth=s.rng.uniform(-0.5, 0.4),
    )


def tabletop(s: Stage) -> Sampler:
    """Objects on a table close to the camera, a wall, a curtain or a room behind."""
    rng, m = s.rng, s.materials
    if rng.uniform() < 0.4:
        room(s, 4.5, 6, 2.8)
    else:
        back = rng.uniform(0.6, 3)
        s.put("plane", (0, 0, 0), (12, 12, 1), material=m.any())
        s.put("cube", (0, back + 0.1, 2), (12, 0.1, 6), material=m.any())
        s.lamp(
            "AREA",
            (rng.normal() * 1.2, -0.5, 2.6),
            rng.uniform(30, 120),
            rng.uniform(0.2, 1.5),
            warmth=rng.uniform(-0.4, 0.8),
        )
    top = rng.uniform(0.7, 0.9)
    s.put(
        "cube",
        (0, 0, top - 0.03),
        (rng.uniform(1, 3), rng.uniform(0.7, 1.6), 0.06),
        material=m.named(str(rng.choice(["wood", "plain", "tiles", "checker", "noise", "planks"])), size=0.5),
    )
    for _ in range(rng.integers(3, 12)):
        x, y = rng.normal(size=2) * (0.3, 0.2)
        props.thing(s, place(x, y, top, rng.uniform(0, 6)), rng.uniform(0.06, 0.3))
    s.sky(outdoors=False)

    def sample() -> Framing:
        angle, reach = rng.normal() * 0.5, rng.uniform(0.5, 1.3)
        position = np.array([reach * np.sin(angle), -reach * np.cos(angle), top + rng.uniform(0.08, 0.9)])
        return position, np.array([rng.normal() * 0.1, rng.normal() * 0.1, top + rng.uniform(0, 0.2)])

    return sample
