"""The path of the shown take in the 3D Viewport: a line coloured by speed, and a frustum at each key."""

import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from dollygrip.rotations import matrix_from_euler_xyz

from . import compat, rigs, takes

_SLOW, _FAST = np.array([0.25, 0.65, 1.0, 1.0]), np.array([1.0, 0.55, 0.15, 1.0])
_FRUSTUM = (0.95, 0.95, 0.95, 0.7)
_POSE = [("location", i) for i in range(3)] + [("rotation_euler", i) for i in range(3)]

_handle = None
_cache: dict[str, tuple[bytes, "Path"]] = {}


class Path:
    """Positions (T, 3) and speeds of a take by its F-curves, and the corners of its frustums (K, 5, 3)."""

    def __init__(self, action: bpy.types.Action, camera: bpy.types.Object):
        curves = {(c.data_path, c.array_index): c for c in compat.take_curves(action)}
        first, last = takes.frame_range(action)
        frames = np.arange(first, last + 1)
        pose = [curves.get(channel) for channel in _POSE]
        self.positions = self._evaluate(pose[:3], frames)
        speed = np.linalg.norm(np.gradient(self.positions, axis=0), axis=1) if len(frames) > 1 else np.zeros(1)
        share = (speed / max(speed.max(), 1e-9))[:, None]
        self.colours = _SLOW + (_FAST - _SLOW) * share
        keys = sorted({point.co.x for curve in pose if curve for point in curve.keyframe_points})
        places, angles = self._evaluate(pose[:3], keys), self._evaluate(pose[3:], keys)
        extent = np.ptp(self.positions, axis=0).max()
        corners = np.array(camera.data.view_frame(scene=bpy.context.scene))
        corners /= np.linalg.norm(corners[0])
        shape = np.concatenate([np.zeros((1, 3)), corners]) * max(0.12 * extent, 0.03 * takes.scene_depth(action))
        self.frustums = np.einsum("kij,nj->kni", matrix_from_euler_xyz(angles), shape) + places[:, None]

    @staticmethod
    def _evaluate(curves: list, frames) -> np.ndarray:
        return np.array([[curve.evaluate(f) if curve else 0.0 for curve in curves] for f in frames], np.float32)


def _fingerprint(action: bpy.types.Action) -> bytes:
    """What of a take changes its path: all its keys and handles."""
    parts = [np.array(takes.frame_range(action), np.float32).tobytes()]
    for curve in compat.take_curves(action):
        points = curve.keyframe_points
        values = np.empty(2 * len(points), np.float32)
        for name in ("co", "handle_left", "handle_right"):
            points.foreach_get(name, values)
            parts.append(values.tobytes())
    return b"".join(parts)


def path_of(action: bpy.types.Action, camera: bpy.types.Object) -> Path:
    """The path of a take, computed anew only where its curves changed."""
    mark = _fingerprint(action)
    kept = _cache.get(action.name)
    if kept is None or kept[0] != mark:
        _cache.clear()
        _cache[action.name] = kept = mark, Path(action, camera)
    return kept[1]


def draw() -> None:
    context = bpy.context
    camera, overlay = context.scene.camera, context.space_data.overlay
    action = takes.shown(camera)
    if (
        action is None
        or rigs.kind_of(action) == rigs.PATH
        or not overlay.show_overlays
        or context.region_data.view_perspective == "CAMERA"
    ):
        return
    path = path_of(action, camera)
    parent = camera.parent.matrix_world @ camera.matrix_parent_inverse if camera.parent else None
    gpu.state.blend_set("ALPHA")
    gpu.state.depth_test_set("LESS_EQUAL")
    gpu.matrix.push()
    if parent:
        gpu.matrix.multiply_matrix(parent)
    _draw_lines("POLYLINE_SMOOTH_COLOR", "LINE_STRIP", {"pos": path.positions, "color": path.colours}, 3.0)
    edges = [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4), (4, 1)]
    points = path.frustums[:, np.array(edges).ravel()].reshape(-1, 3)
    _draw_lines("POLYLINE_UNIFORM_COLOR", "LINES", {"pos": points}, 1.5, _FRUSTUM)
    gpu.matrix.pop()
    gpu.state.depth_test_set("NONE")
    gpu.state.blend_set("NONE")


def _draw_lines(shader_name: str, kind: str, data: dict, width: float, colour=None) -> None:
    shader = gpu.shader.from_builtin(shader_name)
    batch = batch_for_shader(
        shader, kind, {key: np.ascontiguousarray(value, np.float32) for key, value in data.items()}
    )
    shader.bind()
    shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    shader.uniform_float("lineWidth", width)
    if colour:
        shader.uniform_float("color", colour)
    batch.draw(shader)


def register() -> None:
    global _handle
    if not bpy.app.background:
        _handle = bpy.types.SpaceView3D.draw_handler_add(draw, (), "WINDOW", "POST_VIEW")


def unregister() -> None:
    global _handle
    if _handle:
        bpy.types.SpaceView3D.draw_handler_remove(_handle, "WINDOW")
        _handle = None
    _cache.clear()
