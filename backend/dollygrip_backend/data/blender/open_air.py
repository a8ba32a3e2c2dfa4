"""Shores, woods and work yards."""

import numpy as np
import props
from shapes import terrain
from stage import Framing, Sampler, Stage, place
from things import build


def shore(s: Stage) -> Sampler:
    """Sand or stone before the sea: the horizon, rocks, boats, islands, often a figure near the camera."""
    rng, m = s.rng, s.materials
    edge = rng.uniform(3, 25)
    sand = m.named("noise", hue=rng.choice([0.1, 0.12, 0.08, 0.3]), size=rng.uniform(0.2, 2))
    s.put("plane", (0, edge - 400, 0.05), (3000, 800, 1), material=sand, turn=rng.normal() * 0.1)
    sea = m.named("noise", hue=rng.choice([0.5, 0.57, 0.6]), size=rng.uniform(0.5, 4), gloss=rng.uniform(0.1, 0.5))
    s.put("plane", (0, 0, 0), (16000, 16000, 1), material=sea)
    stone = m.named("noise")
    for _ in range(rng.integers(0, 14)):
        at = (rng.normal() * 9, rng.uniform(0, 1.4 * edge), 0.05)
        s.put(f"rock_{rng.integers(6)}", at, rng.uniform(0.2, 2.2) * rng.uniform(0.5, 1.2, 3), 0.0, stone)
    for _ in range(rng.integers(0, 3)):  # islands and headlands
        reach, x = rng.uniform(100, 1500), rng.normal() * 0.5
        size = reach * np.array([rng.uniform(0.15, 0.9), 0.2, rng.uniform(0.03, 0.15)])
        with s.thing("island"):
            s.put(f"rock_{rng.integers(6)}", (x * reach, reach, 0), size, material=m.named("noise", hue=0.3, size=20))
    for _ in range(rng.integers(0, 3)):
        build(s, "boat", place(rng.normal() * 10, edge + rng.uniform(3, 60), 0, 0, rng.uniform(1, 3)), m.any())
    for _ in range(rng.integers(0, 5)):
        props.tree(s, place(rng.normal() * 8, rng.uniform(2, edge), 0.05, 0, rng.uniform(0.3, 1)))
    near = rng.uniform() < 0.6
    if near:
        figure = props.person if rng.uniform() < 0.85 else props.animal
        figure(s, place(rng.normal() * 0.4, rng.uniform(1.2, 5), 0.05, rng.normal() * 0.7))
    s.sky(outdoors=True)

    def sample() -> Framing:
        position = np.array([rng.normal() * 0.6, rng.uniform(-2, 0), rng.choice([1.5, rng.uniform(0.5, 5)])])
        forward = np.array([rng.normal() * (0.15 if near else 0.6), 1.0, rng.normal() * 0.12 - 0.08])
        return position, position + forward

    return sample


def wood(s: Stage) -> Sampler:
    """Among trees: trunks and crowns at all distances, undergrowth, a path, rising ground."""
    rng, m = s.rng, s.materials
    extent = rng.uniform(40, 90)
    mesh, height = terrain(rng, extent, extent * rng.uniform(0.01, 0.08), flat_radius=rng.uniform(2, 10))
    hue = rng.choice([0.08, 0.27, 0.1, 0.3])
    s.put(mesh, (0, 0, 0), 1.0, material=m.named("noise", hue=hue, size=rng.uniform(0.2, 2)))
    path = rng.uniform(0.8, 3)

    def on_ground(x, y, scale=1.0):
        return place(x, y, float(height(x, y)) - 0.03, rng.uniform(0, 6), scale)

    for _ in range(rng.integers(20, 60)):
        y = extent * 0.7 * rng.uniform() ** 1.3 + 1
        x = rng.choice([-1, 1]) * (path + rng.exponential(0.3 * y + 2))
        props.tree(s, on_ground(x, y, rng.uniform(0.5, 2.2)))
    bark = m.named("noise", hue=0.07, size=0.3)
    for _ in range(rng.integers(0, 30)):  # bare trunks, whose crowns are above the picture
        y = rng.uniform(2, 30)
        x, thick = rng.choice([-1, 1]) * (path * 0.7 + rng.exponential(0.25 * y + 1)), rng.uniform(0.1, 0.7)
        at = (x, y, float(height(x, y)) + 6)
        s.put("cylinder", at, (thick, thick, 13), material=bark, tilt=rng.normal(size=2) * 0.04)
    for _ in range(rng.integers(0, 3)):
        prop = props.person if rng.uniform() < 0.6 else props.animal
        prop(s, on_ground(rng.normal() * 0.5 * path, rng.uniform(2.5, 12)))
    s.sky(outdoors=True)

    def sample() -> Framing:
        x, y = rng.normal() * 0.5 * path, rng.uniform(-4, 0)
        position = np.array([x, y, float(height(x, y)) + rng.choice([1.6, rng.uniform(0.4, 4)])])
        return position, position + np.array([rng.normal() * 0.3, 1, rng.normal() * 0.15])

    return sample


def court(s: Stage) -> Sampler:
    """A work yard: sheds with open fronts, canopies on posts, walls, heaps of things, a hill behind."""
    rng, m = s.rng, s.materials
    mesh, _ = terrain(rng, 200.0, rng.uniform(5, 40), flat_radius=30)
    s.put(mesh, (0, 0, 0), 1.0, material=m.named("noise", hue=rng.choice([0.27, 0.3, 0.1]), size=rng.uniform(1, 5)))
    floor = m.named(str(rng.choice(["noise", "plain", "tiles", "brick"])), size=rng.uniform(0.5, 2))
    wide, far = rng.uniform(7, 16), rng.uniform(6, 16)
    s.put("cube", (0, 0, 0.02), (2.5 * wide, 3 * far, 0.04), material=floor)
    for side in (-1, 1):
        if rng.uniform() < 0.6:
            at = place(side * wide / 2, rng.uniform(0, far), 0, -side * (np.pi / 2 + rng.normal() * 0.1))
            props.house(s, at, rng.uniform(4, 9), rng.uniform(3, 6), 1)
        else:
            size = (0.25, 2 * far, rng.uniform(0.8, 3))
            s.put("cube", (side * wide / 2, far / 2, size[2] / 2), size, material=m.any())
    for x in np.linspace(-0.35, 0.35, rng.integers(1, 4)) * wide:
        _canopy(s, place(x, far + rng.normal() * 0.7, 0, rng.normal() * 0.15), wide / 2.5)
    for _ in range(rng.integers(3, 14)):
        x, y = rng.uniform(-0.5, 0.5) * wide, rng.uniform(0.25, 1) * far
        name = str(rng.choice(["crate", "barrel", "bucket", "box", "bench", "shed", "suitcase", "sign"]))
        build(s, name, place(x, y, 0.04, 0, rng.uniform(0.4, 1.2)), m.any())
    if rng.uniform() < 0.5:
        props.car(s, place(rng.choice([-1, 1]) * rng.uniform(2, 4.5), rng.uniform(-1, 5), 0, rng.uniform(0, 6.3)))
    for _ in range(rng.integers(0, 6)):
        props.tree(s, place(rng.normal() * wide, far + rng.uniform(4, 30), 0, 0, rng.uniform(0.5, 1.4)))
    if rng.uniform() < 0.4:
        props.person(s, place(rng.normal() * 2, rng.uniform(1, far), 0, rng.normal()))
    s.sky(outdoors=True)

    def sample() -> Framing:
        position = np.array([rng.normal() * 1.5, rng.uniform(-5, 0), rng.choice([1.6, rng.uniform(0.6, 4)])])
        return position, np.array([rng.normal() * 0.25 * wide, far, rng.uniform(0.3, 2.5)])

    return sample


@props.named("canopy")
def _canopy(s: Stage, at, width: float) -> None:
    """A sloping roof on posts, its back wall at +y, things stacked beneath."""
    rng, m = s.rng, s.materials
    deep, low, high = rng.uniform(2, 5), rng.uniform(1.9, 2.6), rng.uniform(2.5, 3.5)
    roof, post = m.named(str(rng.choice(["stripes", "plain", "planks"]))), m.named("plain")
    slope = float(np.arctan2(low - high, deep))
    s.put(
        "cube", (0, deep / 2, (low + high) / 2), (width, deep * 1.15, 0.06), material=roof, parent=at, tilt=(slope, 0)
    )
    s.put("cube", (0, deep, low / 2), (width, 0.1, low), material=m.any(), parent=at)
    for x in np.linspace(-0.47, 0.47, rng.integers(2, 5)) * width:
        s.put("cylinder", (x, 0, high / 2), (0.09, 0.09, high), material=post, parent=at)
    log = m.named("wood")
    for _ in range(rng.integers(0, 3)):
        x = rng.uniform(-0.4, 0.4) * width
        for i in range(rng.integers(2, 9)):  # a stack of logs or boards
            s.put("cube", (x, deep * 0.7, 0.1 + 0.2 * i), (rng.uniform(0.8, 1.6), 0.5, 0.18), material=log, parent=at)
