"""How deep a scene is, as a camera sees it: by rays at what it renders, within what that camera does not clip.

Everywhere here `seen_by` is the camera whose clipping counts, by default the scene's on that frame.
"""

import bpy
import numpy as np

from dollygrip.conventions import CAMERA, blender_from_c2w
from dollygrip.errors import InputError
from dollygrip.trajectory import Trajectory

from . import rays
from .camera import on_frame

_ACROSS = 24  # rays in a row of the grid that measures a picture's depth
MAX_PIXELS = 200_000  # of a depth map that are looked at; most of them need no ray of their own


def depths_seen(
    context: bpy.types.Context,
    c2w: np.ndarray,
    intrinsics: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    seen_by: bpy.types.Object | None = None,
) -> np.ndarray:
    """Depth along +Z, in metres, of the geometry that the scene renders on the current frame, inf where there is none.

    c2w (4, 4) in metres and intrinsics (4,) are of the view; x, y (N,) the points of its image.
    """
    scene = context.scene
    to_blender = blender_from_c2w(c2w, scene.unit_settings.scale_length) @ CAMERA
    with rays.as_rendered(context.view_layer, rays.not_seen(scene)):
        depsgraph = context.evaluated_depsgraph_get()
        return rays.cast(scene, depsgraph, seen_by or scene.camera, to_blender, intrinsics, x, y)


def measured_depth(
    context: bpy.types.Context, view: Trajectory, seen_by: bpy.types.Object | None = None
) -> float | None:
    """Median depth in metres of what frame 0 of `view` sees of the scene, by a grid of rays through the image.

    None where fewer than a quarter of them hit anything.
    """
    x, y = np.meshgrid(*((np.arange(_ACROSS) + 0.5) / _ACROSS * side for side in view.size))
    depths = depths_seen(context, view.c2w[0], view.intrinsics[0], x.ravel(), y.ravel(), seen_by)
    hit = np.isfinite(depths)
    return float(np.median(depths[hit])) if 4 * hit.sum() >= hit.size else None


def depth_map(
    context: bpy.types.Context,
    c2w: np.ndarray,
    intrinsics: np.ndarray,
    size: tuple[int, int],
    frame: int,
    seen_by: bpy.types.Object | None = None,
) -> np.ndarray:
    """Exact depth float32 (H, W) in metres of a picture of `size` that shows the scene as it is on `frame`.

    Where there is no geometry it is inf: sky. A picture of more than MAX_PIXELS is sampled more coarsely and repeated.
    The current frame is restored. Raises InputError where no geometry is seen at all.
    """
    step = int(np.ceil(np.sqrt(size[0] * size[1] / MAX_PIXELS)))

    def disparity(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        inside = (np.minimum(place * step, side - 0.5) for place, side in zip((x, y), size, strict=True))
        return 1.0 / depths_seen(context, c2w, intrinsics, *inside, seen_by)

    with on_frame(context.scene, frame):
        depths = rays.frame_depth(disparity, tuple(-(-side // step) for side in size))
    if not np.isfinite(depths).any():
        raise InputError("The start camera sees no geometry to take depth from.", "Turn Exact Depth off.")
    return np.kron(depths, np.ones((step, step)))[: size[1], : size[0]].astype(np.float32)


def known_depth(
    context: bpy.types.Context,
    seen: Trajectory | None,
    frame: int,
    seen_by: bpy.types.Object | None = None,
    brief: bpy.types.PropertyGroup | None = None,
) -> float | None:
    """The depth that sets the scale, in metres: the user's, else measured where `seen` looks at geometry on `frame`.

    brief: of the shot that is meant, by default the one that is shown.
    """
    scene = context.scene
    asked = (brief or scene.dollygrip.brief).scene_depth
    if asked > 0:
        return asked * scene.unit_settings.scale_length
    if seen is None:
        return None
    with on_frame(scene, frame):
        return measured_depth(context, seen, seen_by)
