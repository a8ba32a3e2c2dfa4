"""The backend set up from within Blender, once on a computer: asked for by a button, on a thread, beside everything."""

import queue
import sys
import threading
from pathlib import Path

import bpy

from dollygrip.connection import BackendError, backend_command, read_connection
from dollygrip.errors import DollygripError

from . import environment
from .executable import backend_executable
from .fetching import OFFLINE
from .session import redraw, session
from .worker import Status

MATERIAL = Path(__file__).parents[1] / "setup"  # build.py leaves it in the extension's zip
_TICK = 0.2  # seconds


class SettingUp:
    """Whether a backend is being set up, and how the last time ended. Read from the main thread only."""

    def __init__(self) -> None:
        self.status: Status | None = None  # None: nothing goes on
        self.error: DollygripError | None = None
        self.done = False
        self.drawn: Status | None = None  # what was drawn last
        self._cancelled = threading.Event()
        self._ended: queue.SimpleQueue = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def active(self) -> bool:
        return self.status is not None

    def start(self, material: Path = MATERIAL) -> None:
        self.status, self.error, self.done = Status("Setting up"), None, False
        self._cancelled, self._ended = threading.Event(), queue.SimpleQueue()
        work = (sys.executable, material)
        self._thread = threading.Thread(target=self._work, args=work, name="dollygrip-setup", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        self._cancelled.set()

    def pump(self) -> bool:
        """Whether it has ended by now."""
        if self._ended.empty():
            return False
        error, self.status = self._ended.get(), None
        self.error, self.done = (None if error and error.kind == "cancelled" else error), error is None
        return True

    def close(self) -> None:
        """For the extension's end: what was fetched stays, and the next attempt goes on from there."""
        self.cancel()
        if self._thread:
            self._thread.join(timeout=5.0)
        self.status = None

    def _work(self, python: str, material: Path) -> None:
        error: DollygripError | None = None
        try:
            environment.set_up(python, material, self._tell)
        except DollygripError as raised:
            error = raised
        except OSError as raised:
            said = f"The backend could not be set up: {raised.filename or environment.place()}: {raised.strerror}."
            error = BackendError(said, "Look after the folder and the space on its disk, and try again.", "setup")
        except Exception as raised:  # a defect of ours: it must end all the same
            error = BackendError(f"The backend could not be set up: {raised!r}.", "Please report this.", "setup")
        self._ended.put(error)

    def _tell(self, status: Status) -> None:
        if self._cancelled.is_set():
            raise BackendError("Setting the backend up was cancelled.", kind="cancelled")
        self.status = status


setting_up = SettingUp()


def is_missing() -> bool:
    """Whether no backend is known on this computer or elsewhere: Predict could not start one."""
    if session.welcome or backend_executable():
        return False
    for known in (backend_command, read_connection):
        try:
            known()
        except BackendError:
            continue
        return False
    return True


def _tick() -> float | None:
    drawn, ended = setting_up.drawn, setting_up.pump()
    setting_up.drawn = setting_up.status
    if setting_up.drawn != drawn:
        redraw()
    return None if ended else _TICK


class DOLLYGRIP_OT_set_up_backend(bpy.types.Operator):
    """Set the backend up on this computer, in a Python environment of its own: nothing is installed into Blender"""

    bl_idname = "dollygrip.set_up_backend"
    bl_label = "Set Up Backend"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context):
        in_the_way = session.in_the_way
        if setting_up.active:
            in_the_way = "The backend is being set up"
        elif not MATERIAL.is_dir():
            in_the_way = "This extension was built without the backend: set that up by `python build.py dev`"
        elif not bpy.app.online_access:
            in_the_way = OFFLINE
        if in_the_way:
            cls.poll_message_set(in_the_way)
        return not in_the_way

    def invoke(self, context, _event):
        return context.window_manager.invoke_props_dialog(self, width=460, confirm_text="Set Up")

    def draw(self, _context):
        column = self.layout.column()
        column.label(text="Fetches PyTorch and the packages around it from the Python Package Index:")
        column.label(text="about 0.5 GB; several GB where they come for graphics cards.")
        column.label(text=f"Into {environment.place()}")
        column.label(text="It goes on in the background; Blender's own Python stays as it is.")

    def execute(self, _context):
        setting_up.start()
        bpy.app.timers.register(_tick, first_interval=_TICK, persistent=True)
        return {"FINISHED"}


class DOLLYGRIP_OT_cancel_set_up(bpy.types.Operator):
    """Stop setting up; what was fetched is kept for the next time"""

    bl_idname = "dollygrip.cancel_set_up"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context):
        return setting_up.active

    def execute(self, _context):
        setting_up.cancel()
        return {"FINISHED"}


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (DOLLYGRIP_OT_set_up_backend, DOLLYGRIP_OT_cancel_set_up)
)


def register() -> None:
    _register_classes()


def unregister() -> None:
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    setting_up.close()
    _unregister_classes()
