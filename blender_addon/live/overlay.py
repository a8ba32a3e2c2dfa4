"""The camera's way in the 3D Viewport: the shown take by speed and red where it collides, the thing that its prompt
names, the shot's other takes faint, the live preview.

What is drawn is what Blender evaluates (`sampling`), so rigs, parents and edits show. It is sampled anew, on a timer,
only after something changed that the camera depends on; a redraw draws batches that lie ready.
"""

import time
import traceback

import attrs
import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from .. import brief, calm
from ..backend.session import redraw
from ..camera import camera
from ..rigs import collisions
from ..takes import takes
from .live import live
from .path_shape import Shape
from .sampling import dependencies, sample

_FRUSTUM = (0.95, 0.95, 0.95, 0.55)
_CURRENT = (1.0, 1.0, 1.0, 1.0)
_START, _END = (0.45, 0.9, 0.55, 1.0), (1.0, 0.45, 0.4, 1.0)
_SUBJECT = (0.35, 0.85, 1.0, 1.0)
_FAINT = (0.8, 0.8, 0.8, 0.3)
_TOUCHED = (1.0, 0.1, 0.05, 1.0)
_REST = 0.15  # seconds without a change after which the takes are sampled


@attrs.frozen(eq=False)
class View:
    """The paths of a shot. `of`: the scene, the shot and its takes as they were; shown: of the take that is shown.

    touched: (E, 3) ends of line segments, two by two, along the shown path where its last check found a collision.
    """

    of: tuple
    shown: Shape
    others: list[Shape]
    touched: np.ndarray


class Overlay:
    """What is drawn, when it has to be made anew, and the batches for it."""

    def __init__(self) -> None:
        self.view: View | None = None
        self._watched: set[int] = set()
        self._asked: tuple = ()
        self._changed_at: float | None = 0.0
        self._busy = False
        self._batches: dict = {}
        self._drawn: tuple = ()

    def touch(self, updated: bpy.types.DepsgraphUpdate | None = None) -> None:
        """Something changed: all of it, or one datablock, which may concern the camera or not."""
        if not self._busy and (updated is None or self._concerns(updated.id.original)):
            self._changed_at = time.monotonic()

    def _concerns(self, thing: bpy.types.ID) -> bool:
        """Whether a datablock that was updated may move the camera. When what is asked of a shot is written, Blender
        tells the same of its camera as when that has moved."""
        if thing.as_pointer() not in self._watched:
            return False
        if not (isinstance(thing, bpy.types.Object) and thing.as_pointer() == self.view.of[1]):
            return True
        before, self._asked = self._asked, brief.values(thing.dollygrip_shot.brief)
        return self._asked == before

    def refresh(self, scene: bpy.types.Scene) -> None:
        """Sample the takes of the shown shot where they have changed."""
        of = _identity(scene)
        if self._changed_at is None and (self.view.of if self.view else ()) == of:
            return
        self._changed_at, self._busy = None, True
        try:
            self.view = _look(scene, of)
            self._watched = _watched(scene) if self.view else set()
            self._asked = brief.values(scene.camera.dollygrip_shot.brief) if self.view else ()
            bpy.context.view_layer.update()  # the copies are gone: that is no change of the camera's
        finally:
            self._busy = False

    def settled(self, scene: bpy.types.Scene) -> bool:
        """Whether nothing is to be done, or not yet: while things are dragged or rendered they stay as they are."""
        if calm.awaited():
            return True
        if self._changed_at is None:
            return (self.view.of if self.view else ()) == _identity(scene)
        return time.monotonic() - self._changed_at < _REST

    def draw(self) -> None:
        """Into the 3D Viewport that is being drawn."""
        context = bpy.context
        if not context.space_data.overlay.show_overlays or context.region_data.view_perspective == "CAMERA":
            return
        asked = live.preview_of(context.scene)
        preview = asked.shape if asked else None
        shape = preview or (self.view.shown if self.view else None)
        if shape is None:
            return
        if self._drawn != (self.view, preview):
            others = [*self.view.others, *([self.view.shown] if preview else [])] if self.view else []
            touched = self.view.touched if self.view and not preview else np.empty((0, 3))
            self._batches = _batches(shape, others, touched)
            self._drawn = self.view, preview
        gpu.state.blend_set("ALPHA")
        gpu.state.depth_test_set("LESS_EQUAL")
        for batch, shader, width, colour in self._batches.values():
            _draw(batch, shader, width, colour)
        _draw(*_lines(shape.at(context.scene.frame_current), 2.5, _CURRENT))
        gpu.state.depth_test_set("NONE")
        if len(shape.subject):  # also where a surface hides it: it lies on one
            _draw(*_lines(shape.subject, 2.5, _SUBJECT))
        gpu.state.blend_set("NONE")

    def forget(self) -> None:
        """The file is about to go."""
        self.view, self._batches, self._drawn = None, {}, ()
        self._watched, self._changed_at = set(), 0.0


def _identity(scene: bpy.types.Scene) -> tuple:
    """By what the view is another one: scene, camera, picture, the takes and which one is shown; () without a take."""
    camera, render = scene.camera, scene.render
    action = takes.shown(camera)
    if action is None or not takes.is_camera(camera):
        return ()
    listed = (entry.action for entry in camera.dollygrip_shot.takes)
    ids = tuple(each.as_pointer() for each in (scene, camera, action, *filter(None, listed)))
    checked = action.get(collisions.FOUND, "")
    return (*ids, checked, render.resolution_x, render.resolution_y, render.pixel_aspect_x, render.pixel_aspect_y)


def _actions(camera: bpy.types.Object) -> list[bpy.types.Action]:
    """The take that is shown, then the others of the shot."""
    action = takes.shown(camera)
    listed = [entry.action for entry in camera.dollygrip_shot.takes if entry.action]
    return [action, *(other for other in listed if other != action)]


def _look(scene: bpy.types.Scene, of: tuple) -> View | None:
    if not of:
        return None
    actions, unit = _actions(scene.camera), scene.unit_settings.scale_length
    seen = sample(scene, scene.camera, actions)
    shapes = [
        Shape.of(each, takes.scene_depth(action) / unit, camera.subject_at(takes.dense(action), unit))
        for each, action in zip(seen, actions, strict=True)
    ]
    return View(of, shapes[0], shapes[1:], _touched(shapes[0], actions[0]))


def _touched(shape: Shape, action: bpy.types.Action) -> np.ndarray:
    frames = shape.sampled.frames
    runs = [(run["first"], run["last"]) for run in collisions.found_in(action) or ()]
    near = np.any([(first - 1 <= frames) & (frames <= last + 1) for first, last in runs], 0) if runs else frames < 0
    along = near[:-1] & near[1:]
    return np.stack([shape.line[:-1][along], shape.line[1:][along]], 1).reshape(-1, 3)


def _watched(scene: bpy.types.Scene) -> set[int]:
    return {each.as_pointer() for each in dependencies(scene.camera, _actions(scene.camera))}


def _batches(shape: Shape, others: list[Shape], touched: np.ndarray) -> dict:
    """(batch, shader, width, colour or None) by name, from back to front."""
    made = {}
    if others:
        ways = [np.repeat(other.line, 2, 0)[1:-1] for other in others]
        made["others"] = _lines(np.concatenate(ways), 1.5, _FAINT)
    shader = gpu.shader.from_builtin("POLYLINE_SMOOTH_COLOR")
    line = batch_for_shader(shader, "LINE_STRIP", {"pos": shape.line, "color": shape.colours})
    made["line"] = line, shader, 3.5, None
    if len(touched):
        made["touched"] = _lines(touched, 8.0, _TOUCHED)
    made["frustums"] = _lines(shape.frustums, 1.2, _FRUSTUM)
    made["start"] = _lines(shape.start, 2.5, _START)
    made["end"] = _lines(shape.end, 2.5, _END)
    return made


def _lines(points: np.ndarray, width: float, colour: tuple[float, ...]) -> tuple:
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    return batch_for_shader(shader, "LINES", {"pos": points}), shader, width, colour


def _draw(batch, shader, width: float, colour: tuple[float, ...] | None) -> None:
    shader.bind()
    shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    shader.uniform_float("lineWidth", width)
    if colour:
        shader.uniform_float("color", colour)
    batch.draw(shader)


overlay = Overlay()
_TICK = 0.1
_handle = None


@bpy.app.handlers.persistent
def note_updates(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    for update in depsgraph.updates:
        overlay.touch(update)


@bpy.app.handlers.persistent
def note_undo(*_) -> None:
    overlay.touch()


@bpy.app.handlers.persistent
def forget(_path: str) -> None:
    overlay.forget()


def _tick() -> float:
    scene = bpy.context.scene
    try:
        if scene and not overlay.settled(scene):
            overlay.refresh(scene)
            redraw(viewport=True)
    except Exception:  # Blender would drop the timer for good
        traceback.print_exc()
    return _TICK


def register() -> None:
    global _handle
    bpy.app.handlers.load_pre.append(forget)
    bpy.app.handlers.depsgraph_update_post.append(note_updates)
    for handlers in (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post):
        handlers.append(note_undo)
    if not bpy.app.background:
        _handle = bpy.types.SpaceView3D.draw_handler_add(overlay.draw, (), "WINDOW", "POST_VIEW")
        bpy.app.timers.register(_tick, first_interval=_TICK, persistent=True)


def unregister() -> None:
    global _handle
    if _handle:
        bpy.app.timers.unregister(_tick)
        bpy.types.SpaceView3D.draw_handler_remove(_handle, "WINDOW")
        _handle = None
    for handlers in (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post):
        handlers.remove(note_undo)
    bpy.app.handlers.depsgraph_update_post.remove(note_updates)
    bpy.app.handlers.load_pre.remove(forget)
    overlay.forget()
