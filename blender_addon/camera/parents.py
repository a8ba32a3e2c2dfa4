"""What an object's own location and rotation are relative to."""

from collections.abc import Iterable

import bpy
import numpy as np

from .camera import check_scale, muted, playhead

_Layer = bpy.types.Constraint | bpy.types.FModifier


def of(context: bpy.types.Context, thing: bpy.types.Object, first: int, last: int) -> np.ndarray:
    """Matrices (T, 4, 4) from an object's own transform to the world, frame by frame, constraints left out."""
    return follow(context, thing, first, last, thing.constraints)[1]


def follow(
    context: bpy.types.Context, thing: bpy.types.Object, first: int, last: int, ignored: Iterable[_Layer]
) -> tuple[np.ndarray, np.ndarray]:
    """World matrices (T, 4, 4) of an object frame by frame, and those from its own transform to the world.

    ignored: constraints and modifiers that are left out. Raises InputError where the scale is zero.
    """
    scene, world, above = context.scene, [], []
    with playhead(scene), muted(ignored):
        for frame in range(first, last + 1):
            scene.frame_set(frame)
            evaluated = thing.evaluated_get(context.evaluated_depsgraph_get())
            check_scale(evaluated, frame)
            seen, own = (np.array(m, float) for m in (evaluated.matrix_world, evaluated.matrix_basis))
            world.append(seen)
            above.append(seen @ np.linalg.inv(own))
    return np.array(world), np.array(above)
