"""Where the camera comes too near to the scene's meshes or goes through them, and a path that keeps clear.

The work is a generator that pauses often: in the interface it is advanced for a few hundredths of a second at a time.
"""

import json
import time
from collections.abc import Generator
from contextlib import closing

import bpy
import numpy as np
from bpy.props import FloatProperty
from mathutils import Vector

from dollygrip.errors import DollygripError, InputError

from ..camera.camera import ANGLE_TOLERANCE, POSITION_TOLERANCE, evaluated, playhead
from ..takes import sets, takes
from . import rigs
from .solids import Solids, Touch

FOUND = "dollygrip_collisions"
CLEARANCE = 0.03  # scene depths
_TICK = 0.04  # seconds of work at a time
_MARGIN = 1.3  # of the clearance: what a push aims at
_FURTHEST = 0.5  # scene depths; a path that must be pushed further is not the animator's any more
_ROUNDS = 8
_STEPS = 20  # sizes of a step aside that are tried


def check(
    context: bpy.types.Context, camera: bpy.types.Object, clearance: float
) -> Generator[float, None, list[Touch]]:
    """Where the camera that Blender evaluates comes nearer than `clearance` (Blender units) on its take's frames.

    Yields its share done, returns what was found. The playhead is put back, also where the generator is closed early.
    """
    with playhead(context.scene):
        solids = yield from _prepared(context, camera)
        return (yield from _touches(context, camera, solids, np.zeros((len(_frames(camera)), 3)), clearance))


def push(
    context: bpy.types.Context, camera: bpy.types.Object, clearance: float, furthest: float
) -> Generator[float, None, np.ndarray]:
    """The offsets (T, 3), in Blender units, that lead the camera around what it touches; the first is zero.

    For each thing that is touched, the smallest step aside, up or down from the direction of travel that is clear on
    all those frames is held, with an ease of a quarter of a second; then all is tried again. Raises InputError where
    no step within `furthest` is clear.
    """
    scene, frames = context.scene, _frames(camera)
    offsets = np.zeros((len(frames), 3))
    span = max(1, round(0.25 * scene.render.fps / scene.render.fps_base))
    with playhead(scene):
        solids = yield from _prepared(context, camera)
        for _ in range(_ROUNDS):
            found = yield from _touches(context, camera, solids, offsets, 1.1 * clearance)
            if not found:
                break
            name = found[0].name
            touched = [touch.frame for touch in found if touch.name == name]
            first, last = max(touched[0] - 1, frames[0]), touched[-1]
            step = yield from _step_aside(context, camera, solids, offsets, range(first, last + 1), clearance, furthest)
            if step is None:
                unit = scene.unit_settings.scale_length
                raise InputError(
                    f"There is no way around {name} within {furthest * unit:.2g} m of the path.",
                    "Make the move shorter, or convert to the path rig and lead it around.",
                )
            more = np.zeros_like(offsets)
            more[first - frames[0] : last + 1 - frames[0]] = step
            offsets += _spread(more, span)
    return offsets


def _prepared(context: bpy.types.Context, camera: bpy.types.Object) -> Generator[float, None, Solids]:
    solids = Solids(context, camera)
    context.scene.frame_set(_frames(camera)[0])
    yield 0.0
    for _ in solids.prepare():
        yield 0.0
    return solids


def _touches(
    context: bpy.types.Context, camera: bpy.types.Object, solids: Solids, offsets: np.ndarray, reach: float
) -> Generator[float, None, list[Touch]]:
    """What the camera touches on each of its frames when it is moved by `offsets` (T, 3)."""
    found, before, frames = [], None, _frames(camera)
    for i, frame in enumerate(frames):
        place = _stand(context, camera, frame) + Vector(offsets[i])
        if touch := solids.touch(frame, before, place, reach):
            found.append(touch)
        before = place
        yield (i + 1) / len(frames)
    return found


def _step_aside(
    context: bpy.types.Context,
    camera: bpy.types.Object,
    solids: Solids,
    offsets: np.ndarray,
    frames: range,
    clearance: float,
    furthest: float,
) -> Generator[float, None, np.ndarray | None]:
    """The smallest offset (3,) across the direction of travel that is clear on `frames`; None where there is none."""
    start = _frames(camera)[0]
    ends = [_stand(context, camera, frame) + Vector(offsets[frame - start]) for frame in (frames[0], frames[-1])]
    travel = ends[1] - ends[0]
    side = travel.cross((0.0, 0.0, 1.0))
    side = side.normalized() if side.length > 1e-6 else Vector((1.0, 0.0, 0.0))
    up = side.cross(travel).normalized() if travel.length > 1e-6 else Vector((0.0, 0.0, 1.0))
    across = [(1, 0), (-1, 0), (0, 1), (0, -1), (0.7, 0.7), (-0.7, 0.7), (0.7, -0.7), (-0.7, -0.7)]
    sizes = [furthest * (i + 1) / _STEPS for i in range(_STEPS)]
    open_steps = [size * (x * side + y * up).normalized() for size in sizes for x, y in across]
    before: Vector | None = None
    for frame in frames:
        place, clear = _stand(context, camera, frame) + Vector(offsets[frame - start]), []
        for step in open_steps:
            if not solids.touch(frame, before and before + step, place + step, _MARGIN * clearance):
                clear.append(step)
            yield 0.0
        open_steps, before = clear, place
    return np.array(open_steps[0]) if open_steps else None


def _stand(context: bpy.types.Context, camera: bpy.types.Object, frame: int) -> Vector:
    context.scene.frame_set(frame)
    return evaluated(context, camera).matrix_world.translation.copy()


def _spread(offsets: np.ndarray, span: int) -> np.ndarray:
    """Offsets (T, 3): each frame takes the largest within `span` frames, then a bell of that width smooths; 0 stays."""
    wide = np.pad(offsets, ((span, span), (0, 0)))
    seen = np.lib.stride_tricks.sliding_window_view(wide, 2 * span + 1, axis=0)  # (T, 3, window)
    largest = np.linalg.norm(seen, axis=1).argmax(1)
    held = np.take_along_axis(seen, largest[:, None, None], 2)[:, :, 0]
    bell = np.hanning(2 * span + 3)[1:-1]
    bell /= bell.sum()
    padded = np.pad(held, ((span, span), (0, 0)), mode="edge")
    smooth = np.stack([np.convolve(padded[:, axis], bell, "valid") for axis in range(3)], 1)
    start = np.clip(np.arange(len(offsets)) / span, 0, 1)[:, None]
    return smooth * start**2 * (3 - 2 * start)


def _frames(camera: bpy.types.Object) -> range:
    first, last = takes.frame_range(takes.shown(camera))
    return range(first, last + 1)


def spans(found: list[Touch]) -> list[dict]:
    """Runs of frames at which the same thing is touched: first, last, name and least distance in Blender units."""
    runs: list[dict] = []
    for touch in found:
        if runs and runs[-1]["name"] == touch.name and runs[-1]["last"] == touch.frame - 1:
            runs[-1]["last"] = touch.frame
            runs[-1]["distance"] = min(runs[-1]["distance"], touch.distance)
        else:
            runs.append({"first": touch.frame, "last": touch.frame, "name": touch.name, "distance": touch.distance})
    return runs


def found_in(action: bpy.types.Action) -> list[dict] | None:
    """The spans of a take's last check, None before the first."""
    return json.loads(action[FOUND]) if FOUND in action else None


class _Sliced:
    """An operator whose `work` is a generator: a script waits for it, in the interface a timer advances it."""

    bl_options = {"REGISTER", "UNDO"}
    _broken_off = {"CANCELLED"}

    clearance: FloatProperty(
        name="Clearance",
        description="The least distance to a surface. 0 takes 3 % of the take's depth, or the camera's near clip",
        subtype="DISTANCE",
        unit="LENGTH",
        min=0.0,
    )

    @classmethod
    def poll(cls, context):
        if context.mode == "EDIT_MESH":
            cls.poll_message_set("Leave Edit Mode: Blender has no surface of a mesh while it is being edited")
            return False
        return rigs.shows_take(cls, context)

    def begin(self, context) -> None:
        """Which take is meant is settled here: while the work pauses, another one may arrive and be shown."""
        self._camera = context.scene.camera
        self._take = takes.shown(self._camera)
        self._work = self.work(context)

    def distance(self, context) -> float:
        depth = takes.scene_depth(self._take) / context.scene.unit_settings.scale_length
        return self.clearance or max(CLEARANCE * depth, self._camera.data.clip_start)

    def execute(self, context):
        self.begin(context)
        with closing(self._work):
            while True:
                if (ended := self.advance()) is not None:
                    return ended

    def invoke(self, context, _event):
        self.begin(context)
        self._timer = context.window_manager.event_timer_add(0.01, window=context.window)
        context.window_manager.modal_handler_add(self)
        context.window_manager.progress_begin(0, 100)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        ended = self._broken_off
        try:
            if event.type != "ESC":
                ended = self.advance(context) if event.type == "TIMER" else None
            return ended or {"RUNNING_MODAL"}
        finally:
            if ended:
                self._work.close()
                context.window_manager.event_timer_remove(self._timer)
                context.window_manager.progress_end()

    def advance(self, context=None) -> set[str] | None:
        """Work for one tick; how the operator ended, or None while it goes on."""
        until = time.monotonic() + _TICK
        try:
            while time.monotonic() < until:
                if takes.shown(self._camera) != self._take:
                    raise InputError(
                        f"{self._camera.name} shows another take by now; {self._take.name} was not checked to the end.",
                        "Show the take that you mean, and start again.",
                    )
                share = next(self._work)
                if context:
                    context.window_manager.progress_update(100 * share)
        except StopIteration:
            return {"FINISHED"}
        except DollygripError as error:
            self.report({"ERROR"}, str(error))
            return self._broken_off
        return None

    def note(self, found: list[Touch]) -> list[dict]:
        runs = spans(found)
        self._take[FOUND] = json.dumps(runs)
        return runs


class DOLLYGRIP_OT_check_collisions(_Sliced, bpy.types.Operator):
    """Find the frames at which the camera comes too near to the scene's meshes, or goes through one"""

    bl_idname = "dollygrip.check_collisions"
    bl_label = "Check for Collisions"

    def work(self, context):
        runs = self.note((yield from check(context, self._camera, self.distance(context))))
        names = ", ".join(sorted({run["name"] for run in runs}))
        said = f"The camera touches {names}." if runs else "The path is clear."
        if sets.is_missing(context.scene, self._take):
            said += " Build the set proxy to check what the reference shows too."
        self.report({"WARNING" if runs else "INFO"}, said)


class DOLLYGRIP_OT_fix_collisions(_Sliced, bpy.types.Operator):
    """Push the camera's path away from what it touches; the first frame and where it looks stay"""

    bl_idname = "dollygrip.fix_collisions"
    bl_label = "Push Path Clear"

    def work(self, context):
        camera, unit = self._camera, context.scene.unit_settings.scale_length
        clearance, depth = self.distance(context), takes.scene_depth(self._take) / unit
        offsets = yield from push(context, camera, clearance, _FURTHEST * depth)
        said = []
        if offsets.any():
            world, _ = rigs.poses(context, camera, keys_only=True)
            world[:, :3, 3] += offsets
            said = rigs.rewrite(context, camera, world, False, (POSITION_TOLERANCE / 2, ANGLE_TOLERANCE))
            self._broken_off = {"FINISHED"}  # whatever comes, the new path is a step of undo
        runs = self.note((yield from check(context, camera, clearance)))
        far = np.linalg.norm(offsets, axis=1).max() * unit
        said.insert(0, f"The path was pushed by up to {far:.2g} m." if far else "Nothing was in the way.")
        if runs:
            said.append(f"It still touches {runs[0]['name']} at frame {runs[0]['first']}.")
        self.report({"WARNING" if runs else "INFO"}, " ".join(said))


register, unregister = bpy.utils.register_classes_factory((DOLLYGRIP_OT_check_collisions, DOLLYGRIP_OT_fix_collisions))
