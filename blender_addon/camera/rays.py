"""Depth of what a scene renders, by rays.

As a script it does so for every frame of a shot, in a Blender of its own, which leaves the interface and the animator's
scene alone: `rays.py JOB` reads JOB/views.npz (see main) and writes JOB/0000.npy and on, float16
(h, w) in metres, inf where there is nothing.
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import bpy
import numpy as np

NEAR_PLANE = 0.02  # metres; nearer geometry does not set the scale
COARSE_RAYS = 20_000  # of a frame's first grid: a third of a second
ALIKE = 1.01  # ratio of disparities up to which the corners of a cell lie on one surface

Cast = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Image points x, y (N,) -> disparity (N,) along +Z, 0 where there is nothing."""
Switch = Callable[[bool], None]
"""Hides something from viewports, or shows it."""


def not_rendered(scene: bpy.types.Scene) -> set[bpy.types.Object]:
    """The objects that are there to be worked with: not rendered themselves, or all of their collections are not."""
    rendered, collections = set(), [scene.collection]
    for collection in collections:
        if not collection.hide_render:
            rendered.update(collection.objects)
            collections += collection.children
    return {thing for thing in scene.objects if thing.hide_render or thing not in rendered}


def not_seen(scene: bpy.types.Scene) -> set[bpy.types.Object]:
    """The objects that no camera sees: those that are not rendered, or are but for their light and shadows."""
    return not_rendered(scene) | {thing for thing in scene.objects if not thing.visible_camera}


@contextmanager
def as_rendered(layer: bpy.types.ViewLayer, unseen: set[bpy.types.Object]) -> Iterator[None]:
    """Let viewports show for a while what a render of the layer would, without the objects in `unseen`.

    What an animator hides from viewports alone, because it is heavy or in the way, is shown meanwhile.
    """
    changed = show_as_rendered(layer, unseen)
    try:
        yield
    finally:
        for switch, hidden in changed:
            switch(not hidden)


def show_as_rendered(layer: bpy.types.ViewLayer, unseen: set[bpy.types.Object]) -> list[tuple[Switch, bool]]:
    """Do so for good -> the switches that were turned, and to what.

    Whatever stays as it was costs nothing: Blender takes long to hide and show the many helpers of a large scene.
    """
    turned = [(switch, hide) for switch, is_hidden, hide in _switches(layer, unseen) if is_hidden != hide]
    for switch, hide in turned:
        switch(hide)
    return turned


def _switches(layer: bpy.types.ViewLayer, unseen: set[bpy.types.Object]) -> Iterator[tuple[Switch, bool, bool]]:
    """What hides objects and collections from viewports: the switch, whether it does, whether it should."""
    collections = [layer.layer_collection]
    for shown in collections:
        collections += [child for child in shown.children if not (child.exclude or child.collection.hide_render)]
        for owner in (shown, shown.collection):
            yield partial(setattr, owner, "hide_viewport"), owner.hide_viewport, False
    for thing in layer.objects:
        yield partial(setattr, thing, "hide_viewport"), thing.hide_viewport, thing in unseen
        if thing not in unseen:
            yield partial(thing.hide_set, view_layer=layer), thing.hide_get(view_layer=layer), False


def cast(
    scene: bpy.types.Scene,
    depsgraph: bpy.types.Depsgraph,
    seen_by: bpy.types.Object | None,
    to_blender: np.ndarray,
    intrinsics: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
) -> np.ndarray:
    """Depth (N,) along +Z, in metres, of the geometry at image points x, y (N,), inf where there is none.

    seen_by: the camera, what is nearer or farther than whose clipping is not there; to_blender: (4, 4) from OpenCV
    camera axes to the scene's world and unit; intrinsics: (4,).
    """
    unit = scene.unit_settings.scale_length
    near, far = _clipping(seen_by, depsgraph, unit)
    fx, fy, cx, cy = intrinsics
    directions = np.stack([(x - cx) / fx, (y - cy) / fy, np.ones_like(x)], -1)
    centre, rays = to_blender[:3, 3], directions @ to_blender[:3, :3].T
    starts = centre + rays * near / unit
    lines = zip(starts.tolist(), rays.tolist(), strict=True)
    hits = (scene.ray_cast(depsgraph, start, ray) for start, ray in lines)
    places = np.array([hit[1] if hit[0] else (np.inf,) * 3 for hit in hits]).reshape(-1, 3)
    depths = np.linalg.norm(places - centre, axis=-1) / np.linalg.norm(directions, axis=-1) * unit
    return np.where(depths > far, np.inf, depths)


def _clipping(camera: bpy.types.Object | None, depsgraph: bpy.types.Depsgraph, unit: float) -> tuple[float, float]:
    """Depths, in metres, from which on and up to which a camera sees something."""
    if camera is None or camera.type != "CAMERA":
        return NEAR_PLANE, np.inf
    data = camera.evaluated_get(depsgraph).data
    return max(NEAR_PLANE, data.clip_start * unit), data.clip_end * unit


def frame_depth(cast: Cast, size: tuple[int, int]) -> np.ndarray:
    """Depth float64 (h, w) at the pixels' centres, by few rays.

    A grid is cast first. Disparity is linear across a plane's image: a cell whose corners are ALIKE is interpolated,
    and so nearly exact on what bends slowly; in every other cell each pixel is cast.
    """
    step = max(2, int(np.ceil(np.sqrt(size[0] * size[1] / COARSE_RAYS))))
    columns, rows = (np.unique([*range(0, side, step), side - 1]) for side in size)
    grid_x, grid_y = np.meshgrid(columns + 0.5, rows + 0.5)
    grid = cast(grid_x.ravel(), grid_y.ravel()).reshape(grid_x.shape)
    corners = np.stack([grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1], grid[1:, 1:]])
    smooth = corners.max(0) <= corners.min(0) * ALIKE
    across, left = _cells(columns, size[0])
    down, above = _cells(rows, size[1])
    nw, ne, sw, se = corners[:, above[:, None], left]
    top, bottom = nw + (ne - nw) * across, sw + (se - sw) * across
    disparity = top + (bottom - top) * down[:, None]
    y, x = np.nonzero(~smooth[above[:, None], left])
    disparity[y, x] = cast(x + 0.5, y + 0.5)
    with np.errstate(divide="ignore"):
        return 1.0 / disparity


def _cells(marks: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel of a side, where it lies between two marks of the grid, from 0 to 1, and the first one's index."""
    first = np.minimum(np.searchsorted(marks, np.arange(side), side="right") - 1, len(marks) - 2)
    return (np.arange(side) - marks[first]) / (marks[first + 1] - marks[first]), first


def main(folder: Path) -> None:
    """views.npz: blend, the file of the copy; scene, layer, camera (names, "" for the scene's); frames (T,); to_blender
    (T, 4, 4); intrinsics (T, 4) in pixels of size (2,); trusted: whether drivers of the file may run Python."""
    with np.load(folder / "views.npz", allow_pickle=False) as stored:
        job = dict(stored)
    trusted = bool(job["trusted"])
    bpy.ops.wm.open_mainfile(filepath=str(job["blend"]), load_ui=False, use_scripts=trusted)
    scene = bpy.data.scenes[str(job["scene"]), None]
    layer, size = scene.view_layers[str(job["layer"])], (int(job["size"][0]), int(job["size"][1]))
    seen_by = scene.objects.get(str(job["camera"]))
    views = job["frames"], job["to_blender"], job["intrinsics"]
    for number, (frame, pose, lens) in enumerate(zip(*views, strict=True)):
        scene.frame_set(int(frame))
        show_as_rendered(layer, not_seen(scene))
        layer.update()

        def disparity(x: np.ndarray, y: np.ndarray, pose=pose, lens=lens) -> np.ndarray:
            return 1.0 / cast(scene, layer.depsgraph, seen_by or scene.camera, pose, lens, x, y)

        with np.errstate(over="ignore"):  # beyond 65 km there is sky
            depth = frame_depth(disparity, size).astype(np.float16)
        part = folder / "frame.part"
        with part.open("wb") as file:
            np.save(file, depth, allow_pickle=False)
        part.replace(folder / f"{number:04d}.npy")


if __name__ == "__main__":
    code = 1
    try:
        if hasattr(os, "nice"):
            os.nice(5)  # the interface goes first
        main(Path(sys.argv[-1]))
        code = 0
    except Exception:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # Blender 4.5 as a Python module may wait for its own threads for ever
