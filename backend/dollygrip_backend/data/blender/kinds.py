"""The kinds of scenes and their mixes. A kind builds geometry and lamps and returns a sampler of camera framings."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import props
from catalogue import HEIGHTS, MORE_HEIGHTS
from halls import hall
from indoors import interior, room, tabletop
from open_air import court, shore, wood
from outdoors import landscape, street, yard
from stage import Framing, Sampler, Stage, place


def portrait(s: Stage) -> Sampler:
    """One to three figures or an animal near the camera, in a room or outdoors."""
    rng, m = s.rng, s.materials
    outdoors = rng.uniform() < 0.55
    if outdoors:
        s.put("plane", (0, 0, 0), (500, 500, 1), material=m.named("noise", size=rng.uniform(0.3, 3)))
        for _ in range(rng.integers(0, 9)):
            props.tree(s, place(rng.normal() * 7, rng.uniform(3, 25), 0, 0, rng.uniform(0.5, 1.3)))
        if rng.uniform() < 0.5:
            props.house(s, place(rng.normal() * 6, rng.uniform(5, 16), 0, rng.normal() * 0.5), 9, 7, rng.integers(1, 4))
        if rng.uniform() < 0.3:
            s.put("cube", (0, rng.uniform(1.5, 6), 1.2), (30, 0.3, rng.uniform(2, 4)), material=m.any())
    else:
        room(s, rng.uniform(3.5, 8), rng.uniform(5, 10), 2.8)
        for _ in range(rng.integers(1, 5)):
            prop = [props.shelf, props.sofa, props.plant, props.floor_lamp, props.table][rng.integers(5)]
            prop(s, place(rng.uniform(-1.6, 1.6), rng.uniform(1.3, 2.3), 0, rng.normal() * 0.3))
    beast = rng.uniform() < 0.25
    (props.animal if beast else props.person)(s, place(0, 0, 0, rng.normal() * 0.5))
    for _ in range(rng.choice([0, 0, 1, 2])):
        props.person(
            s, place(rng.choice([-1, 1]) * rng.uniform(0.5, 1.2), rng.uniform(-0.1, 1.2), 0, rng.normal() * 0.7)
        )
    s.sky(outdoors)
    head = 0.75 if beast else 1.55

    def sample() -> Framing:
        reach, angle = rng.uniform(0.55, 2.6), rng.normal() * 0.35
        position = np.array([reach * np.sin(angle), -reach * np.cos(angle), head + rng.normal() * 0.15])
        return position, np.array([rng.normal() * 0.15, 0, head - rng.uniform(0, 0.35) * reach])

    return sample


class Mix(NamedTuple):
    """What a set of scenes shows.

    kinds: their shares; heights: of the things that may be strewn into the reference view, by name, in metres;
    strewn: how many of them, at least and below; apparent: their height over their depth, at least and at most.
    """

    kinds: dict[Callable[[Stage], Sampler], float]
    heights: dict[str, tuple[float, float]] = HEIGHTS
    strewn: tuple[int, int] = (1, 6)
    apparent: tuple[float, float] = (0.04, 0.35)


_COMMON = {interior: 0.25, street: 0.14, landscape: 0.15, yard: 0.12, tabletop: 0.12, portrait: 0.22}
_RARE = {hall: 0.4, court: 0.25, shore: 0.2, wood: 0.15}
MIXES = {
    "common": Mix(_COMMON),
    "rare": Mix(_RARE),
    "things": Mix(
        {kind: 0.7 * share for kind, share in _COMMON.items()} | {kind: 0.3 * share for kind, share in _RARE.items()},
        HEIGHTS | MORE_HEIGHTS,
        (5, 13),
        (0.05, 0.45),
    ),
}
