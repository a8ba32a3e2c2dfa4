"""Streets, landscapes and yards."""

import numpy as np
import props
from shapes import terrain
from stage import Framing, Sampler, Stage, place


def street(s: Stage) -> Sampler:
    """A street along +y with buildings on one or both sides, trees, cars, people."""
    rng, m = s.rng, s.materials
    road, length = rng.uniform(4, 12), rng.uniform(30, 90)
    pavement = rng.uniform(1.5, 4)
    s.put("plane", (0, length / 2, -0.02), (400, 400, 1), material=m.named("noise"))
    s.put(
        "cube",
        (0, length / 2, -0.02),
        (road, length * 3, 0.06),
        material=m.named(str(rng.choice(["noise", "plain", "tiles", "brick"]))),
    )
    stone = m.named(str(rng.choice(["tiles", "plain", "noise"])))
    for side in (-1, 1):
        s.put("cube", (side * (road + pavement) / 2, length / 2, 0.03), (pavement, length * 3, 0.16), material=stone)
        if side == 1 and rng.uniform() < 0.2:
            continue
        y = -20.0
        while y < length:
            depth, height, width = rng.uniform(8, 14), rng.uniform(5, 25), rng.uniform(6, 16)
            _building(s, side * (road / 2 + pavement), y + width / 2, side, depth, width, height)
            y += width + (rng.uniform() < 0.2) * rng.uniform(1, 6)
    for _ in range(rng.integers(3, 14)):
        side, y = rng.choice([-1, 1]), rng.uniform(2, length)
        kerb = side * (road / 2 + rng.uniform(0.4, pavement - 0.4))
        pick = rng.uniform()
        if pick < 0.3:
            props.tree(s, place(kerb, y, 0.1, rng.uniform(0, 6), rng.uniform(0.5, 0.9)))
        elif pick < 0.6:
            props.person(
                s, place(kerb if rng.uniform() < 0.7 else rng.uniform(-0.4, 0.4) * road, y * 0.4, 0.1, rng.normal())
            )
        elif pick < 0.85:
            props.car(s, place(side * (road / 2 - 1.1), y, 0, rng.choice([0, np.pi])))
        else:
            s.put("cylinder", (kerb, y, 2.5), (0.12, 0.12, 5), material=m.named("plain"))
    if rng.uniform() < 0.5:
        s.put("cube", (0, length + 10, 8), (60, 10, rng.uniform(10, 40)), material=m.named("facade"))
    s.sky(outdoors=True)

    def sample() -> Framing:
        position = np.array(
            [
                rng.uniform(-0.5, 0.5) * (road + pavement),
                rng.uniform(-8, 0.3 * length),
                rng.choice([1.6, rng.uniform(0.6, 6)]),
            ]
        )
        forward = np.array([rng.normal() * 0.35, 1.0, rng.uniform(-0.2, 0.2)])
        return position, position + 10 * forward

    return sample


def _building(s: Stage, front: float, y: float, side: int, depth: float, width: float, height: float) -> None:
    """A block with a facade texture, modelled windows, or ledges; its front at x = front."""
    rng, m = s.rng, s.materials
    style = rng.choice(["texture", "windows", "ledges"])
    wall = m.named("facade" if style == "texture" else str(rng.choice(["brick", "plain", "noise", "planks"])))
    s.put("cube", (front + side * depth / 2, y, height / 2), (depth, width, height), material=wall)
    s.put(
        "cube",
        (front + side * (depth / 2 - 0.15), y, height),
        (depth + 0.4, width + 0.1, 0.4),
        material=m.named("plain"),
    )
    if style == "ledges":
        ledge = m.named("plain")
        for z in np.arange(3.0, height, 3.0):
            s.put("cube", (front, y, z), (0.5, width, 0.25), material=ledge)
    if style != "texture":
        glass = m.named("plain", hue=0.6, gloss=0.4)
        for z in np.arange(1.7, min(height - 1, 13), 3.0):
            for t in np.arange(1.5, width - 0.5, 2.6):
                s.put("cube", (front, y - width / 2 + t, z), (0.12, 1.2, 1.6), material=glass)


def landscape(s: Stage) -> Sampler:
    """Open ground with hills, trees, rocks, sometimes water, a house, figures."""
    rng, m = s.rng, s.materials
    extent = rng.choice([60.0, 150.0, 400.0])
    relief = extent * rng.uniform(0.02, 0.16)
    mesh, height = terrain(rng, extent, relief, flat_radius=rng.uniform(2, 12))
    ground = m.named("noise", hue=rng.choice([0.27, 0.1, 0.07, 0.58, rng.uniform()]), size=rng.uniform(0.3, 6))
    s.put(mesh, (0, 0, 0), 1.0, material=ground)
    if rng.uniform() < 0.3:
        water = m.named("plain", hue=0.57, gloss=0.5)
        s.put("plane", (0, 0, -0.25 * relief + 0.01), (extent * 4, extent * 4, 1), material=water)

    def on_ground(x, y, turn=0.0, scale=1.0):
        return place(x, y, float(height(x, y)) - 0.03, turn, scale)

    for _ in range(rng.integers(4, 30)):
        r, a = extent * rng.uniform(0.05, 0.6) ** 1.5, rng.uniform(-1.2, 1.2)
        props.tree(s, on_ground(r * np.sin(a), r * np.cos(a) - 3, rng.uniform(0, 6), rng.uniform(0.6, 1.4)))
    stone = m.named("noise")
    for _ in range(rng.integers(0, 20)):
        x, y = rng.normal() * 10, rng.uniform(1, 40)
        size = rng.uniform(0.2, 2.5)
        s.put(
            f"rock_{rng.integers(6)}",
            (x, y, float(height(x, y))),
            size * rng.uniform(0.6, 1.2, 3),
            rng.uniform(0, 6),
            stone,
        )
    if rng.uniform() < 0.4:
        x, y = rng.normal() * 8, rng.uniform(10, 30)
        props.house(s, on_ground(x, y, rng.normal() * 0.4), rng.uniform(6, 12), rng.uniform(6, 9), rng.integers(1, 3))
    for _ in range(rng.integers(0, 3)):
        prop = props.person if rng.uniform() < 0.6 else props.animal
        prop(s, on_ground(rng.normal() * 2, rng.uniform(2.5, 9), rng.normal() * 0.8))
    if rng.uniform() < 0.25:  # a fence
        y = rng.uniform(5, 12)
        for x in np.arange(-14, 14, 1.5):
            s.put("cube", (x, y, float(height(x, y)) + 0.5), (0.1, 0.1, 1.1), material=stone)
        for z in (0.5, 0.9):
            s.put("cube", (0, y, float(height(0, y)) + z), (28, 0.05, 0.1), material=stone)
    s.sky(outdoors=True)

    def sample() -> Framing:
        x, y = rng.normal() * 2, rng.uniform(-6, 0)
        eye = rng.choice([1.6, rng.uniform(0.4, 4), rng.uniform(3, 15)], p=[0.5, 0.3, 0.2])
        position = np.array([x, y, max(float(height(x, y)), -0.25 * relief) + eye])
        down = -0.02 - 0.04 * max(eye - 2, 0)
        return position, position + np.array([rng.normal() * 0.35, 1, down + rng.normal() * 0.12])

    return sample


def yard(s: Stage) -> Sampler:
    """A house or two seen across a yard or garden."""
    rng, m = s.rng, s.materials
    s.put(
        "plane",
        (0, 0, 0),
        (600, 600, 1),
        material=m.named("noise", hue=rng.choice([0.27, 0.1, 0.3]), size=rng.uniform(0.3, 2)),
    )
    far = rng.uniform(8, 20)
    for i in range(rng.integers(1, 4)):
        x = rng.normal() * 3 + (0, -14, 14)[i]
        props.house(
            s,
            place(x, far + rng.uniform(0, 5), 0, rng.normal() * 0.3),
            rng.uniform(5, 13),
            rng.uniform(5, 9),
            rng.integers(1, 4),
        )
    if rng.uniform() < 0.6:
        s.put("cube", (rng.normal(), far / 2 - 3, 0.005), (rng.uniform(1, 4), far + 6, 0.02), material=m.named("tiles"))
    for _ in range(rng.integers(3, 12)):
        x = rng.choice([-1, 1]) * rng.uniform(2, 14)
        props.tree(s, place(x, rng.uniform(0, far + 18), 0, rng.uniform(0, 6), rng.uniform(0.4, 1.3)))
    for prop in (props.person, props.animal, props.car, props.table, props.plant):
        for _ in range(rng.integers(0, 2)):
            prop(s, place(rng.normal() * 2.5, rng.uniform(1, far - 3), 0, rng.normal()))
    s.sky(outdoors=True)

    def sample() -> Framing:
        position = np.array([rng.normal() * 2.5, rng.uniform(-7, -2), rng.choice([1.6, rng.uniform(0.5, 5)])])
        return position, np.array([rng.normal() * 3, far, rng.uniform(0, 4)])

    return sample
