"""Draw it: a curve or a Grease Pencil stroke becomes the camera's path; the prompt says where to look on the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import attrs
import bpy
import numpy as np
from mathutils import Vector

from dollygrip.client import TakeReady
from dollygrip.conventions import WORLD
from dollygrip.errors import InputError

from .. import compat
from ..brief import PATHS
from ..camera import camera, depths
from ..shots import shots
from ..takes import takes
from . import predict

_PATH = "dollygrip_path"  # of a take: the drawing, as Blender's own pointer
_MOST_POINTS = 2000
_FINE = 64  # straight lines a curve's segment is sent as
_START = 0.05  # of the length: where a path's own direction at its start is measured, beyond a hand's tremble
_OFF = 0.002  # of the length, that the camera's curves may be off the path
_OF_POINTS = {"HOOK", "MESH_DEFORM", "SOFT_BODY"}  # modifiers that always bend a spline by its points


def polyline(context: bpy.types.Context, drawing: bpy.types.Object | None, frame: int) -> np.ndarray:
    """The path (N, 3) that an object draws, in metres and OpenCV's world axes, from its first point to its last.

    A curve is read as it is on `frame`, also where it is hidden, a Grease Pencil drawing as it is at the playhead.
    Of several strokes or splines the last one drawn counts. Raises InputError where there is none in the scene, or it
    has no length.
    """
    if drawing is None or drawing.type not in PATHS:
        raise InputError("No path is chosen.", "Pick a curve or a Grease Pencil object under Path.")
    camera.check_in_scene(context.scene, drawing, "Path")
    if drawing.type == "CURVE":
        with _unhidden(context.scene, drawing), camera.on_frame(context.scene, frame):
            lines = _last_spline(context, drawing)
    else:
        lines = compat.strokes_of(drawing)
    if not lines:
        raise InputError(f"{drawing.name} has no stroke on frame {context.scene.frame_current}.", "Draw one.")
    points, closed = lines[-1]
    line = np.array([*points, *points[: 1 if closed else 0]], float)
    if len(line) < 2:
        raise InputError(f"The stroke of {drawing.name} is a single point.", "Draw a line.")
    line = line @ WORLD[:3, :3].T * context.scene.unit_settings.scale_length
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    if not np.isfinite(steps).all() or steps.sum() < 1e-4:
        raise InputError(f"The path of {drawing.name} has no length.", "Draw it from where the camera is to its end.")
    line = line[np.append(True, steps > 1e-9 * steps.sum())]
    return line if len(line) <= _MOST_POINTS else _thinned(line)


def start_pose(line: np.ndarray, seen: np.ndarray | None) -> np.ndarray:
    """(4, 4) pose at a path's first point that looks as the camera `seen` (4, 4) does, without one along the path.

    Along the path the horizon is level; where it starts straight up or down the camera looks as `camera.level_start`.
    """
    pose = camera.level_start() if seen is None else np.array(seen)
    pose[:3, 3] = line[0]
    if seen is None:
        gone = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
        ahead = line[int(np.searchsorted(gone, _START * gone[-1]))] - line[0]
        right = np.cross([0.0, 1.0, 0.0], ahead)
        if np.linalg.norm(right) > 1e-3 * np.linalg.norm(ahead):
            right, forward = right / np.linalg.norm(right), ahead / np.linalg.norm(ahead)
            pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], 1)
    return pose


def left_out(drawing: bpy.types.Object) -> str:
    """What of a drawing its path leaves out, in words; "" where that is nothing."""
    curve = drawing.type == "CURVE"
    count = len(drawing.data.splines if curve else compat.strokes_of(drawing))
    said = [f"Of the {count} strokes of {drawing.name} the last one is followed."] if count > 1 else []
    shown = [modifier for modifier in drawing.modifiers if modifier.show_viewport]
    idle = [m.name for m in shown if not (curve and (m.use_apply_on_spline or m.type in _OF_POINTS))]
    if idle:
        said.append(f"Its modifiers do not bend the path where they are not applied on the spline: {', '.join(idle)}.")
    return " ".join(said)


def _last_spline(context: bpy.types.Context, drawing: bpy.types.Object) -> list[tuple[list[Vector], bool]]:
    """The last spline of a curve object as things that follow it do in Blender: bent by hooks, without thickness."""
    if drawing.mode == "EDIT":
        drawing.update_from_editmode()
        drawing.data.update_tag()
    depsgraph = context.evaluated_depsgraph_get()
    place = drawing.evaluated_get(depsgraph).matrix_world.copy()
    bare = drawing.to_curve(depsgraph, apply_modifiers=True).copy()
    drawing.to_curve_clear()
    helper = bpy.data.objects.new("Dollygrip Drawing", bare)
    try:
        if not bare.splines:
            return []
        if bare.shape_keys:
            helper.shape_key_clear()  # the points have their shape already
        for spline in list(bare.splines)[:-1]:
            bare.splines.remove(spline)
        bare.dimensions, bare.bevel_object, bare.taper_object = "3D", None, None
        bare.bevel_depth = bare.extrude = bare.offset = 0.0
        bare.resolution_u = bare.render_resolution_u = bare.splines[0].resolution_u = _FINE
        spline = bare.splines[0]
        if len(spline.bezier_points or spline.points) < 2:
            return [([Vector()], False)]
        mesh = helper.to_mesh()
        return [([place @ vertex.co for vertex in mesh.vertices], spline.use_cyclic_u)]
    finally:
        bpy.data.objects.remove(helper)
        bpy.data.curves.remove(bare)


@contextmanager
def _unhidden(scene: bpy.types.Scene, thing: bpy.types.Object) -> Iterator[None]:
    """Let Blender move an object that is hidden, or in a hidden collection, by something that depends on it."""
    helper = bpy.data.objects.new("Dollygrip Drawing", None)
    scene.collection.objects.link(helper)
    helper.constraints.new("COPY_TRANSFORMS").target = thing
    try:
        yield
    finally:
        bpy.data.objects.remove(helper)


def _thinned(line: np.ndarray) -> np.ndarray:
    """The same line by _MOST_POINTS points at equal distances."""
    gone = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0, gone[-1], _MOST_POINTS)
    return np.stack([np.interp(at, gone, line[:, axis]) for axis in range(3)], 1)


@attrs.define
class AlongPath(predict.PredictCamera):
    """As PredictCamera, along a drawn path.

    closely: how far off its curves may be, in metres; told: what of the drawing is not followed, or that it lies on the
    ground, in words; path: the drawing, which the takes point to, so that it is found again whatever it is called by
    then.
    """

    title: str = "Predicting along the path"
    closely: float = 0.0
    told: str = ""
    path: takes.Named = attrs.field(factory=takes.Named)

    @classmethod
    def of(cls, context: bpy.types.Context) -> Self:
        """What is asked of the shot that is shown; raises InputError with the first thing that is wrong."""
        scene = context.scene
        brief = scene.dollygrip.brief
        drawing = brief.direct.path
        line = polyline(context, drawing, shots.first_frame(scene, takes.find_camera(scene)))
        task = super().of(context)
        first, camera_there, seen = task.placement.frame_start, brief.start, None
        if camera_there:
            seen = camera.sample(context, first, first, camera_there)
        start = start_pose(line, seen.c2w[0] if seen else None)
        if seen:
            seen = attrs.evolve(seen, c2w=start[None])
            if "depth" in task.arrays:
                task.arrays["depth"] = predict.exact_depth(context, task.arrays["image"], seen, first, camera_there)
            else:
                known = depths.known_depth(context, seen, first, camera_there)
                task.request = attrs.evolve(task.request, scene_depth=known)
        task.follow(line, start)
        task.along(drawing)
        if not line[:, 1].any():  # as whatever is drawn in the top view
            low = f"The path lies at height 0: raise {drawing.name} to where the camera is to go."
            task.told = f"{task.told} {low}".strip()
        return task

    @classmethod
    def like(cls, context: bpy.types.Context, shot: bpy.types.Object, take: bpy.types.Action, count: int) -> Self:
        """As PredictCamera.like, along the same drawing as it is now."""
        named = takes.provenance(take)["path"]
        drawing = take.get(_PATH) or context.scene.objects.get(named)
        if drawing is None or not camera.is_in_scene(context.scene, drawing):
            named = drawing.name if drawing else named
            raise InputError(f"{named}, which the take moves along, is gone.", "Draw a new path, or undo.")
        line = polyline(context, drawing, takes.frame_range(take)[0])
        task = super().like(context, shot, take, count)
        start = task.placement.start.copy()
        start[:3, 3] = line[0]
        task.follow(line, start)
        task.along(drawing)
        return task

    def along(self, drawing: bpy.types.Object) -> None:
        """Let the takes know the drawing that they move along."""
        self.path, self.told = takes.Named.of(drawing), left_out(drawing)
        self.provenance["path"] = drawing.name

    def follow(self, line: np.ndarray, start: np.ndarray) -> None:
        """Let the camera move along a path (N, 3) from the pose `start` (4, 4) on, which stands at its first point."""
        self.arrays["path"] = (line - line[0]) @ start[:3, :3]
        self.request = attrs.evolve(self.request, up=predict.up_of(start))
        self.closely = _OFF * float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
        self.placement = attrs.evolve(self.placement, start=start)

    @classmethod
    def resumed(cls, scene: bpy.types.Scene, record: dict[str, Any]) -> Self:
        task = super().resumed(scene, record)
        task.closely = float(record["closely"])
        task.path = takes.Named.noted(scene, task.provenance.get("path", ""))
        return task

    def record(self) -> dict[str, Any]:
        noted = super().record()
        return {**noted, "provenance": {**noted["provenance"], "path": self.path.now}, "closely": self.closely}

    def deliver(self, scene: bpy.types.Scene, prepared: tuple[int, camera.FittedTake]) -> None:
        super().deliver(scene, prepared)
        if drawing := self.path.find(scene):
            bpy.data.actions[self.made[-1]][_PATH] = drawing

    def said(self) -> str:
        made = super().said()
        return f"{made} {self.told}".strip() if made else ""

    def prepare(self, event: TakeReady) -> tuple[int, camera.FittedTake]:
        depth = event.trajectory.scene_depth
        return event.index, camera.fit(
            event.trajectory, self.placement, min(camera.POSITION_TOLERANCE, self.closely / depth)
        )
