"""Looks at the reference while its prompt is typed: when Predict is pressed, backend, worker and models are up already.

What goes wrong here is said by the job that follows, and by nothing else.
"""

import threading
import time
from contextlib import suppress

import bpy
import numpy as np

from dollygrip.client import TERMINAL
from dollygrip.errors import DollygripError
from dollygrip.protocol import LookRequest

from .. import brief
from ..backend import server
from ..backend.executable import backend_executable
from ..backend.session import session
from ..camera import depths
from ..references.picture import read_picture
from ..takes import takes

TICK = 0.25  # seconds between a change and the look that follows it
_KEPT = 500.0  # seconds that a look is good for: the backend ends a worker that has had nothing to do for 600


class Ahead:
    """The one look ahead of a Blender. Used from the main thread only."""

    def __init__(self) -> None:
        self._scene = 0  # session_uid of the one whose brief has changed
        self._timer = self.tick  # one object: Blender knows a timer by that alone
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._looked: tuple[np.ndarray | None, float | None, float] = None, None, 0.0  # at what, and when

    @property
    def busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def want(self, scene: bpy.types.Scene) -> None:
        """The brief of the shot that a scene shows has changed. Scripts predict when they are ready, and need no more
        than that."""
        self._scene = scene.session_uid
        if not bpy.app.background and not bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.register(self._timer, first_interval=TICK)

    def tick(self) -> float | None:
        """Look, unless that is done or a job runs, which does it, too; seconds until the next try, None for none."""
        if self.busy:
            return TICK  # the newest reference follows
        scene = bpy.context.scene
        if session.active or not scene or scene.session_uid != self._scene:
            return None
        with suppress(DollygripError):
            image, depth = read_picture(takes.chosen_reference(scene)), depths.known_depth(bpy.context, None, 0)
            looked, at, when = self._looked
            if looked is not image or at != depth or time.monotonic() - when > _KEPT:
                self._looked = image, depth, time.monotonic()
                self._begin(LookRequest(scene_depth=depth), image)
        return None

    def close(self) -> None:
        """Leave, and wait for the thread: for the extension's end."""
        self._stopping.set()
        if self._thread:
            self._thread.join(timeout=5.0)
        if bpy.app.timers.is_registered(self._timer):
            bpy.app.timers.unregister(self._timer)

    def _begin(self, request: LookRequest, image: np.ndarray) -> None:
        self._stopping = threading.Event()
        wanted = backend_executable(), request, image, self._stopping
        self._thread = threading.Thread(target=_look, args=wanted, name="dollygrip-ahead", daemon=True)
        self._thread.start()


def _look(executable: str, request: LookRequest, image: np.ndarray, stopping: threading.Event) -> None:
    with suppress(DollygripError), server.connect(executable, lambda: None, stopping.is_set) as client:
        session.connected(client.welcome)
        job_id = client.submit(request, {"image": image})
        while not stopping.is_set():
            event = client.poll(0.1)
            if event and event.job_id == job_id and isinstance(event, TERMINAL):
                return
        client.cancel(job_id)


ahead = Ahead()


def register() -> None:
    brief.asked.append(ahead.want)


def unregister() -> None:
    brief.asked.remove(ahead.want)
    ahead.close()
