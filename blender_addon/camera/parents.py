"""What an object's own location and rotation are relative to."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import bpy
import numpy as np

from .camera import playhead


def of(context: bpy.types.Context, thing: bpy.types.Object, first: int, last: int) -> np.ndarray:
    """Matrices (T, 4, 4) from an object's own transform to the world, frame by frame, constraints left out."""
    scene, found = context.scene, []
    with playhead(scene), muted([c for c in thing.constraints if not c.mute]):
        for frame in range(first, last + 1):
            scene.frame_set(frame)
            evaluated = thing.evaluated_get(context.evaluated_depsgraph_get())
            seen, own = (np.array(m, float) for m in (evaluated.matrix_world, evaluated.matrix_basis))
            found.append(seen @ np.linalg.inv(own))
    return np.array(found)


@contextmanager
def muted(layers: Collection[bpy.types.Constraint | bpy.types.FModifier]) -> Iterator[None]:
    """Mute constraints or modifiers for a while."""
    for layer in layers:
        layer.mute = True
    try:
        yield
    finally:
        for layer in layers:
            layer.mute = False
