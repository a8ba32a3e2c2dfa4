"""Live direction: while it is on, the path in the viewport follows the prompt and the other settings of the panel.

The settings are looked at on a timer, which sees every key stroke in the prompt and every step of a slider, undo too.
What comes back is a preview and nothing more: neither the file nor the undo stack know of it until `Keep` makes a take
of it, the very one that `Predict Camera` would have made.
"""

import threading
import time
import traceback

import attrs
import bpy
import numpy as np
from bpy.props import BoolProperty, StringProperty

from dollygrip.client import TakeReady
from dollygrip.conventions import blender_from_c2w
from dollygrip.errors import DollygripError
from dollygrip.live import TICK, Answer, LivePredictor
from dollygrip.trajectory import Trajectory

from .. import brief, calm
from ..backend import server
from ..backend.executable import backend_executable
from ..backend.session import redraw, session
from ..camera import camera
from ..direct.predict import PredictCamera, check_prompt
from ..shots import shots
from ..takes import census, takes
from ..takes.plan import in_words, strange_in_words, subject_in_words
from .moved import watch
from .path_shape import Shape
from .sampling import MOST_KEYS, Sampled

# What of a request may change without reading pictures, cameras or the scene again. Strength asks the backend too: a
# path is no multiple of another, for amounts have limits, arcs bend, and a camera gives way to surfaces.
_WORDS = {"prompt": "prompt", "strength": "strength", "seed": "seed", "frame_count": "frames"}
_IDLE = {"name", "takes", "direct"}  # what no prediction from words depends on, or not the first take of one
_REST = 0.3  # seconds without a change after which everything else is read again


@attrs.frozen(eq=False)
class Preview:
    """A prediction that is shown, and the task that would make a take of it."""

    task: PredictCamera
    trajectory: Trajectory
    shape: Shape


class LiveDirection:
    """The one live direction of a Blender. Used from the main thread only."""

    def __init__(self) -> None:
        self._predictor: LivePredictor | None = None
        self._clear()

    def _clear(self) -> None:
        self.preview: Preview | None = None
        self.said = ""  # why there is no newer path, "" where nothing is wrong
        self._scene = 0  # session_uid of the one that is followed
        self._stopping = threading.Event()
        self._base: tuple[tuple, PredictCamera] | None = None
        self._rest: tuple[tuple, float] = (), 0.0  # the other settings, and when they were first seen
        self._wanted: tuple = ()
        self._tasks: dict[int, PredictCamera] = {}

    @property
    def on(self) -> bool:
        return self._predictor is not None

    @property
    def waiting(self) -> bool:
        """Whether a newer path is on its way."""
        return self.on and self._predictor.answered < self._predictor.asked

    def status(self, scene: bpy.types.Scene) -> str:
        """A line for the panel: what is wrong, what is going on, or how the prompt was understood."""
        if self.said:
            return self.said
        if self.waiting:
            stages = {"": "Starting the backend", "queue": "Waiting for the backend", "models": "Loading the models"}
            return f"{stages.get(self._predictor.stage, 'Predicting')} …"
        preview = self.preview_of(scene)
        meta = preview.trajectory.meta if preview else {}
        plan = meta.get("plan")
        said = in_words(plan) if isinstance(plan, str) else ""
        return "; ".join(filter(None, [said, strange_in_words(meta), subject_in_words(meta)]))

    def follows(self, scene: bpy.types.Scene) -> bool:
        """Whether the path that is shown is one of this scene."""
        return scene.session_uid == self._scene

    def preview_of(self, scene: bpy.types.Scene) -> Preview | None:
        """The path of the shot that a scene shows; while another shot is shown, its path is not."""
        if not self.preview or not self.follows(scene):
            return None
        return self.preview if self.preview.task.shot.uid == takes.Named.of(takes.find_camera(scene)).uid else None

    def line(self, scene: bpy.types.Scene) -> str:
        """As `status`, for the panel of a scene; "" while live direction is off."""
        if self.on and not self.follows(scene):
            return "Live follows another scene. Turn it off and on to follow this one."
        return self.status(scene) if self.on else ""

    def start(self, scene: bpy.types.Scene) -> None:
        """Follow what is asked of the shot that a scene shows; the backend is started where none runs."""
        self.stop()
        self._scene, executable, stopping = scene.session_uid, backend_executable(), self._stopping
        watch.start(scene)
        self._predictor = LivePredictor(lambda: server.connect(executable, lambda: None, stopping.is_set))

    def stop(self) -> None:
        """Stop, and clear the preview."""
        watch.stop()
        if self._predictor:
            self._stopping.set()
            self._predictor.close(timeout=0.5)
        self._predictor = None
        self._clear()

    def tick(self) -> float | None:
        """Ask where something has changed, show what has come; the end where the scene that is followed is gone."""
        if not self.on:
            return None
        if not any(map(self.follows, bpy.data.scenes)):
            self.stop()
            redraw(viewport=True)
            return None
        scene = bpy.context.scene
        before = self.preview, scene and self.line(scene)
        try:
            if scene and self.follows(scene):
                self._ask(bpy.context)
            if answer := self._predictor.answer():
                self._hear(answer)
        except Exception as error:  # Blender would drop the timer, and leave the switch on
            traceback.print_exc()
            self.said = f"Live failed: {error!r}."
        if before != (self.preview, scene and self.line(scene)):
            redraw(viewport=self.preview is not before[0])
        return TICK

    def keep(self, scene: bpy.types.Scene) -> None:
        """Make the take of what is shown in a scene; the preview has done its duty.

        Raises DollygripError where that cannot be, and the preview stays.
        """
        task = attrs.evolve(self.preview.task, made=[], now_seen="", overruled="")
        made = task.prepare(TakeReady(task.job_id, 0, self.preview.trajectory))
        task.deliver(scene, made)
        self.preview = None
        scene.dollygrip.error, scene.dollygrip.hint, scene.dollygrip.about = "", "", task.shot.uid
        scene.dollygrip.notice, session.last = task.said(), PredictCamera.__name__

    def _ask(self, context: bpy.types.Context) -> None:
        asked, rest = context.scene.dollygrip.brief, _rest(context.scene)
        if rest != self._rest[0]:
            self._rest = rest, time.monotonic()
        if self._base and self._base[0] != rest and (time.monotonic() - self._rest[1] < _REST or _is_busy()):
            return
        wanted = tuple(getattr(asked, name) for name in _WORDS), rest
        if wanted == self._wanted:
            return
        self._wanted = wanted
        try:
            check_prompt(asked.prompt)
            task = self._task(context, wanted)
        except DollygripError as error:
            self.said = error.message
            return
        number = self._predictor.ask(task.request, task.arrays)
        self._tasks[number], self.said = task, ""

    def _task(self, context: bpy.types.Context, wanted: tuple) -> PredictCamera:
        """The task of the panel's settings; pictures and cameras are read only where they are others than before."""
        words, rest = wanted
        if self._base is None or self._base[0] != rest:
            self._base = rest, PredictCamera.of(context)
        base, changed = self._base[1], dict(zip(_WORDS.values(), words, strict=True))
        changed["prompt"] = changed["prompt"].strip()
        request = attrs.evolve(base.request, takes=1, direct=False, **changed)  # a director takes seconds
        told = {key: changed[key] for key in ("prompt", "strength")}
        return attrs.evolve(base, request=request, provenance={**base.provenance, **told}, made=[])

    def _hear(self, answer: Answer) -> None:
        task = self._tasks.get(answer.number)
        self._tasks = {number: each for number, each in self._tasks.items() if number > answer.number}
        if answer.error:
            self.said = answer.error.message
        elif task:
            task.job_id, self.said = answer.job_id, ""
            try:
                self.preview = Preview(task, answer.trajectory, _shape(task, answer.trajectory))
            except DollygripError as error:  # at the scene's frame rate it may be too long
                self.said = error.message


def _is_busy() -> bool:
    """Whether pictures, cameras and the scene are not to be read: they are dragged, rendered or played back."""
    windows = bpy.context.window_manager.windows
    return bool(calm.awaited()) or any(window.screen.is_animation_playing for window in windows)


def _rest(scene: bpy.types.Scene) -> tuple:
    """What else a prediction depends on, as cheap as a look at it every few milliseconds must be.

    Of what the start camera sees, only what stands still is looked at: reading the rest changes the frame.
    """
    asked, shot = scene.dollygrip.brief, takes.find_camera(scene)
    chosen = brief.values(asked, but=_IDLE | _WORDS.keys())
    start, place = asked.start, ()
    if start:  # its depth and the place of a subject depend on what it sees
        place = watch.changes, census.count(scene)
    if start and not start.animation_data:
        lens = ("lens", "shift_x", "shift_y", "clip_start", "clip_end")
        place += *(getattr(start.data, name) for name in lens), *map(tuple, start.matrix_world)
    picture = camera.square_size(scene), camera.scene_fps(scene), scene.unit_settings.scale_length
    return chosen, place, picture, shot.name if shot else "", shots.first_frame(scene, shot)


def _shape(task: PredictCamera, trajectory: Trajectory) -> Shape:
    """The path of a prediction where its take would be, whatever the shot's camera is parented to."""
    placed = camera.place(trajectory, task.placement)
    unit, first, count = task.placement.unit_scale, task.placement.frame_start, len(placed)
    matrices = blender_from_c2w(placed.c2w, unit)
    keys = np.unique(np.linspace(0, count - 1, min(count, MOST_KEYS // 2)).round().astype(int))
    sampled = Sampled(np.arange(first, first + count), matrices, _corners(placed), keys)
    return Shape.of(sampled, placed.scene_depth / unit, camera.subject_at(placed, unit))


def _corners(trajectory: Trajectory) -> np.ndarray:
    """(T, 4, 3) corners of the view at distance 1 in Blender's camera axes, in the order of Camera.view_frame."""
    fx, fy, cx, cy = trajectory.intrinsics.T[:, :, None]
    width, height = trajectory.size
    x, y = np.array([width, width, 0, 0]), np.array([0, height, height, 0])
    across, down = (x - cx) / fx, (y - cy) / fy
    return np.stack([across, -down, -np.ones_like(across)], -1)


live = LiveDirection()


class DOLLYGRIP_OT_keep_live(bpy.types.Operator):
    """Make a take of the path that is shown"""

    bl_idname = "dollygrip.keep_live"
    bl_label = "Keep"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        if not live.follows(context.scene) and live.preview:
            cls.poll_message_set("The path is one of another scene: keep it there, or turn Live off and on here")
        elif not live.preview_of(context.scene):
            cls.poll_message_set("Turn Live on and type a prompt: there is no path to keep yet")
        return live.preview_of(context.scene) is not None

    def execute(self, context):
        try:
            live.keep(context.scene)
        except DollygripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


def _switch(_manager, on: bool) -> None:
    if not on:
        live.stop()
    elif not live.on:
        live.start(bpy.context.scene)
        if not bpy.app.background:
            bpy.app.timers.register(live.tick, first_interval=TICK, persistent=True)
    redraw(viewport=True)


@bpy.app.handlers.persistent
def stop_on_load(_path: str) -> None:
    live.stop()


def register() -> None:
    bpy.utils.register_class(DOLLYGRIP_OT_keep_live)
    # Of the window manager and never stored: neither files nor undo steps know of it.
    bpy.types.WindowManager.dollygrip_live = BoolProperty(
        name="Live",
        description="The path in the viewport follows the prompt and the strength while you change them",
        get=lambda _manager: live.on,
        set=_switch,
    )
    bpy.types.WindowManager.dollygrip_live_line = StringProperty(get=lambda _manager: live.line(bpy.context.scene))
    bpy.app.handlers.load_post.append(stop_on_load)


def unregister() -> None:
    live.stop()
    bpy.app.handlers.load_post.remove(stop_on_load)
    del bpy.types.WindowManager.dollygrip_live, bpy.types.WindowManager.dollygrip_live_line
    bpy.utils.unregister_class(DOLLYGRIP_OT_keep_live)
