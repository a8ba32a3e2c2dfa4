"""Large and low rooms that columns, beams and stairs divide."""

import numpy as np
import props
from indoors import room
from stage import Framing, Sampler, Stage, place


def hall(s: Stage) -> Sampler:
    """A basement, a lounge, a gallery or a nave: columns in rows, a patterned ceiling, groups of furniture, people."""
    rng = s.rng
    w, d, h = rng.uniform(5, 20), rng.uniform(7, 32), rng.choice([rng.uniform(2.3, 3.2), rng.uniform(3, 9)])
    room(s, w, d, h)
    _ceiling(s, w, d, h)
    _columns(s, w, d, h)
    if rng.uniform() < 0.4:
        _hung(s, w, d, h)
    if rng.uniform() < 0.35:
        _stairs(s, place(rng.choice([-1, 1]) * (w / 2 - 0.7), rng.uniform(-0.2, 0.3) * d, 0, rng.choice([0, np.pi])))
    group = [props.sofa, props.table, props.chair, props.shelf, props.plant, props.floor_lamp, props.person]
    for _ in range(rng.integers(1, 5)):
        x, y, turn = rng.uniform(-0.35, 0.35) * w, rng.uniform(-0.3, 0.4) * d, rng.uniform(0, 2 * np.pi)
        for _ in range(rng.integers(1, 5)):
            prop = group[rng.integers(len(group))]
            prop(s, place(x + rng.normal() * 1.2, y + rng.normal() * 1.2, 0, turn + rng.choice([0, 1.57, 3.14])))
    s.sky(outdoors=False)

    def sample() -> Framing:
        eye = rng.uniform(0.6, min(2.4, h - 0.3))
        position = np.array([rng.uniform(-0.42, 0.42) * w, rng.uniform(-0.48, -0.1) * d, eye])
        return position, np.array([rng.uniform(-0.5, 0.5) * w, rng.uniform(0, 0.5) * d, rng.uniform(0.4, 0.6 * h)])

    return sample


def _ceiling(s: Stage, w: float, d: float, h: float) -> None:
    """Panels, boards or plaster under the room's own ceiling, with beams or with lamps let into it."""
    rng, m = s.rng, s.materials
    kind = str(rng.choice(["tiles", "tiles", "planks", "noise", "plain"]))
    pale = (*rng.uniform(0.4, 0.9) * rng.uniform(0.9, 1, 3), 1.0) if rng.uniform() < 0.7 else None
    s.put("plane", (0, 0, h - 0.02), (w, d, 1), material=m.named(kind, colour=pale), tilt=(np.pi, 0))
    if rng.uniform() < 0.45:
        beam, deep = m.named(str(rng.choice(["wood", "plain"]))), rng.uniform(0.1, 0.4)
        for y in np.arange(-d / 2 + 1, d / 2, rng.uniform(0.8, 3)):
            s.put("cube", (0, y, h - deep / 2), (w, rng.uniform(0.1, 0.25), deep), material=beam)
    elif rng.uniform() < 0.7:
        glow, step = m.named("glow", hue=0.12), rng.uniform(1.8, 4)
        for x in np.arange(-w / 2 + 1, w / 2 - 0.5, step):
            for y in np.arange(-d / 2 + 1, d / 2 - 0.5, step):
                s.put("cube", (x, y, h - 0.02), (0.6, rng.choice([0.6, 1.2]), 0.02), material=glow)


def _columns(s: Stage, w: float, d: float, h: float) -> None:
    """One to three rows along the room, round or square, joined by lintels in a third of the cases."""
    rng, m = s.rng, s.materials
    stone = m.named(str(rng.choice(["plain", "plain", "noise", "brick", "wood", "tiles"])))
    thick, step, form = rng.uniform(0.15, 0.7), rng.uniform(2, 6), str(rng.choice(["cube", "cylinder"]))
    first = -d / 2 + rng.uniform(0.5, step)
    joined = rng.uniform() < 0.35
    for x in [[0.0], [-w / 4, w / 4], [-w / 3, 0.0, w / 3]][rng.integers(3)]:
        for y in np.arange(first, d / 2 - 0.3, step):
            with s.thing("column"):
                s.put(form, (x, y, h / 2), (thick, thick, h), material=stone)
                for z in (0.06 * h, 0.94 * h) if h > 3.5 else ():
                    s.put("cube", (x, y, z), (1.5 * thick, 1.5 * thick, 0.04 * h), material=stone)
        if joined:
            s.put("cube", (x, 0, 0.9 * h), (thick * 0.9, d, 0.2 * h), material=stone)


def _hung(s: Stage, w: float, d: float, h: float) -> None:
    """Many small pictures close together on the walls, as in a gallery."""
    rng, m = s.rng, s.materials
    frames = [m.named("plain") for _ in range(3)]
    views = [m.named("painting", size=0.3) for _ in range(4)]
    walls = [place(0, d / 2, 0, 0), place(-w / 2, 0, 0, np.pi / 2), place(w / 2, 0, 0, -np.pi / 2)]
    for wall, length in zip(walls, (w, d, d), strict=True):
        x, step = -length / 2 + 0.5, rng.uniform(0.5, 1.1)
        while x < length / 2 - 0.5:
            for z in np.arange(0.8, min(h - 0.4, 3.5), step):
                size = rng.uniform(0.4, 0.85, 2) * step
                frame, view = frames[rng.integers(3)], views[rng.integers(4)]
                s.put("cube", (x, -0.02, z), (size[0], 0.05, size[1]), material=frame, parent=wall)
                s.put("cube", (x, -0.04, z), (size[0] * 0.75, 0.03, size[1] * 0.75), material=view, parent=wall)
            x += step


@props.named("staircase")
def _stairs(s: Stage, at) -> None:
    """A flight of steps that climbs along +y, with a rail."""
    rng, m = s.rng, s.materials
    wood, rise, run, wide = m.named("wood"), rng.uniform(0.16, 0.2), rng.uniform(0.24, 0.3), rng.uniform(0.8, 1.3)
    count = rng.integers(5, 15)
    for i in range(count):
        s.put("cube", (0, i * run, (i + 1) * rise / 2), (wide, run, (i + 1) * rise), material=wood, parent=at)
        s.put("cube", (wide / 2, i * run, (i + 1) * rise + 0.45), (0.03, 0.03, 0.9), material=wood, parent=at)
