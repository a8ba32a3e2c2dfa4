"""Whether a camera goes where its take says, or constraints of the animator's put it elsewhere."""

import bpy
import numpy as np

from dollygrip.rotations import angle_between

from ..camera.camera import ANGLE_TOLERANCE, POSITION_TOLERANCE
from ..camera.parents import follow
from ..takes import takes
from . import rigs
from .physics import HANDHELD

_LOOKS = 5  # frames that are looked at


def said(context: bpy.types.Context, camera: bpy.types.Object, first: int, last: int) -> str:
    """In a sentence, which constraints keep a camera off the take that it shows on the frames first..last.

    "" where none does. The rig and the handheld layer are as they are to be. Raises InputError for a camera without
    scale.
    """
    own = [constraint for constraint in rigs.own_constraints(camera) if constraint.name != HANDHELD]
    frames = np.unique(np.linspace(first, last, _LOOKS).round().astype(int)).tolist()
    if not any(_is_off(context, camera, own, frame) for frame in frames if own):
        return ""
    names = " and ".join(constraint.name for constraint in own)
    verb, them = ("moves", "it") if len(own) == 1 else ("move", "them")
    return f"{names} {verb} {camera.name} otherwise: mute {them} to see the take."


def _is_off(
    context: bpy.types.Context, camera: bpy.types.Object, constraints: list[bpy.types.Constraint], frame: int
) -> bool:
    """Whether constraints move or turn a camera on a frame by more than the curves of a take may be off."""
    seen, plain = (follow(context, camera, frame, frame, ignored)[0][0] for ignored in ((), constraints))
    depth = takes.scene_depth(takes.shown(camera)) / context.scene.unit_settings.scale_length
    turned = angle_between(*(_rotation(matrix)[None] for matrix in (seen, plain)))[0]
    return bool(np.linalg.norm(seen[:3, 3] - plain[:3, 3]) > POSITION_TOLERANCE * depth or turned > ANGLE_TOLERANCE)


def _rotation(matrix: np.ndarray) -> np.ndarray:
    return matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
