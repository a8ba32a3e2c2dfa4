"""Models that the backend fetches from the hub, one at a time and beside the session's task, which waits for none.

The hub is asked first what there is to accept, and a dialog shows it: nothing is downloaded before that. Blender itself
downloads nothing; all the same it is asked for only where Blender allows online access. A download goes on in the
backend when Blender ends.
"""

import queue
import threading
from typing import Any

import attrs
import bpy
from bpy.props import StringProperty

from dollygrip.protocol import FetchRequest, ModelInfo, Welcome

from .executable import EXTENSION, backend_executable
from .session import StartBackend, redraw, session
from .worker import Orders, Outcome, Status, Tell, Worker

_TICK = 0.1  # seconds
OFFLINE = "Blender may not go online: switch on Preferences › System › Allow Online Access"


@attrs.define
class FetchModel:
    """What a model asks to accept, or with the licence that was accepted, the model itself."""

    model: ModelInfo
    licence: str = ""
    job_id: str = ""
    received = 0

    @property
    def title(self) -> str:
        return f"Fetching {name_of(self.model)}"

    def build(self, _welcome: Welcome, _tell: Tell) -> tuple[FetchRequest, dict[str, Any]]:
        return FetchRequest(model=self.model.name, licence=self.licence), {}


class Fetching:
    """What is being fetched, and how the last time ended. Read from the main thread only."""

    def __init__(self) -> None:
        self.task: FetchModel | None = None
        self.status = Status("")
        self.offer: tuple[ModelInfo, dict[str, Any]] | None = None  # what the hub says that there is to accept
        self.ended: tuple[ModelInfo, Outcome] | None = None
        self.drawn = ""  # the line that was drawn last
        self.window = 0  # address of the one in which it was asked for
        self._orders = Orders()
        self._outcomes: queue.SimpleQueue = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def line(self) -> str:
        """What is going on, and how much of it is done."""
        text, done, total = self.status.text, size_text(self.status.done), size_text(self.status.total)
        return f"{text}  {done} of {total}" if self.status.total else text

    def start(self, task: FetchModel) -> None:
        """Begin on the client thread; `pump` tells how it ends."""
        self.task, self.ended, self.offer, self.status = task, None, None, Status("Connecting to the backend")
        self._orders, self._outcomes = Orders(), queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._work, args=(task, backend_executable()), name="dollygrip-fetch", daemon=True
        )
        self._thread.start()

    def cancel(self) -> None:
        self._orders.cancel.set()
        self.status = Status("Cancelling")

    def pump(self) -> Outcome | None:
        """The outcome, once the task has ended."""
        if self.task is None or self._outcomes.empty():
            return None
        task, outcome, self.task = self.task, self._outcomes.get(), None
        if outcome.state == "done" and not task.licence:
            self.offer = task.model, outcome.summary
        else:
            self.ended = task.model, outcome
        return outcome

    def close(self) -> None:
        """Leave what is under way to the backend: for the extension's end."""
        self._orders.leave.set()
        self.task = None
        if self._thread:
            self._thread.join(timeout=5.0)

    def _work(self, task: FetchModel, executable: str) -> None:
        """On the client thread: the job, then a look at what the backend offers by now."""
        outcomes: queue.SimpleQueue = queue.SimpleQueue()
        self._connected(task, executable, outcomes)
        if task.licence and not self._orders.stop():
            self._connected(StartBackend(""), None, queue.SimpleQueue())
        self._outcomes.put(next(told for told in iter(outcomes.get, None) if isinstance(told, Outcome)))

    def _connected(self, task: FetchModel | StartBackend, executable: str | None, outcomes: queue.SimpleQueue) -> None:
        Worker(task, executable, outcomes, self._orders, self._show, session.connected).run()

    def _show(self, status: Status) -> None:
        self.status = status


fetching = Fetching()


def name_of(model: ModelInfo) -> str:
    return model.title.partition(":")[0]


def size_text(size: int) -> str:
    """Bytes as people say them."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _begin(task: FetchModel) -> None:
    fetching.start(task)
    bpy.app.timers.register(_tick, first_interval=_TICK, persistent=True)


def _tick() -> float | None:
    ended = fetching.pump()
    if ended or fetching.line != fetching.drawn:
        fetching.drawn = fetching.line
        redraw()
    if ended is None:
        return _TICK
    windows = bpy.context.window_manager.windows
    asking = next((window for window in windows if window.as_pointer() == fetching.window), None)
    if asking and bpy.ops.dollygrip.accept_model.poll():
        with bpy.context.temp_override(window=asking):
            bpy.ops.dollygrip.accept_model("INVOKE_DEFAULT")
    return None


class Online:
    """An operator that has something fetched."""

    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context):
        if not bpy.app.online_access:
            cls.poll_message_set(OFFLINE)
        elif fetching.task:
            cls.poll_message_set("A model is being fetched: wait for it or cancel it")
        return bpy.app.online_access and not fetching.task


class DOLLYGRIP_OT_fetch_model(Online, bpy.types.Operator):
    """Ask the hub for this model's licence and size. Nothing is downloaded before you accept them"""

    bl_idname = "dollygrip.fetch_model"
    bl_label = "Fetch Model"

    model: StringProperty()

    def execute(self, context):
        offered = session.welcome.models if session.welcome else []
        model = next((model for model in offered if model.name == self.model), None)
        if model is None:
            self.report({"ERROR"}, f"The backend offers no model called {self.model}. Start it, and choose another.")
            return {"CANCELLED"}
        fetching.window = context.window.as_pointer() if context.window else 0
        _begin(FetchModel(model))
        return {"FINISHED"}


class DOLLYGRIP_OT_accept_model(Online, bpy.types.Operator):
    """Accept the licence and have the model downloaded"""

    bl_idname = "dollygrip.accept_model"
    bl_label = "Fetch Model"

    @classmethod
    def poll(cls, context):
        if fetching.offer is None:
            cls.poll_message_set("Choose a model first")
            return False
        return super().poll(context)

    def invoke(self, context, _event):
        title = f"Fetch {name_of(fetching.offer[0])}"
        return context.window_manager.invoke_props_dialog(self, width=520, title=title, confirm_text="Accept and Fetch")

    def draw(self, _context):
        column = self.layout.column()
        model, said = fetching.offer
        column.label(text=f"Licence, as the hub states it: {said['licence']}")
        for part in f"Known of its parts: {model.licence}".split("; "):
            column.label(text=part)
        missing, total = size_text(said["missing_bytes"]), size_text(said["total_bytes"])
        column.label(text=f"To download: {missing} of {total}")
        column.label(text=f"Into {said['folder']}, on the backend's computer")

    def execute(self, _context):
        model, said = fetching.offer
        _begin(FetchModel(model, said["licence"]))
        return {"FINISHED"}


class DOLLYGRIP_OT_cancel_fetch(bpy.types.Operator):
    """Stop fetching; files that are complete are kept for the next time"""

    bl_idname = "dollygrip.cancel_fetch"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context):
        return fetching.task is not None

    def execute(self, _context):
        fetching.cancel()
        redraw()
        return {"FINISHED"}


class DOLLYGRIP_OT_show_models(bpy.types.Operator):
    """Open the extension's preferences, where models can be fetched: video engines, and a better sense of depth"""

    bl_idname = "dollygrip.show_models"
    bl_label = "Models…"

    @classmethod
    def poll(cls, _context):
        if bpy.app.background:
            cls.poll_message_set("There is no window for the preferences")
        return not bpy.app.background

    def execute(self, _context):
        return bpy.ops.preferences.addon_show(module=EXTENSION)


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (
        DOLLYGRIP_OT_fetch_model,
        DOLLYGRIP_OT_accept_model,
        DOLLYGRIP_OT_cancel_fetch,
        DOLLYGRIP_OT_show_models,
    )
)


def register() -> None:
    _register_classes()


def unregister() -> None:
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    fetching.close()
    _unregister_classes()
