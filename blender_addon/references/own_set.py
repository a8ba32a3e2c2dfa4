"""Viewports show the set of the shot that is shown alone: the sets of several shots mostly stand inside one another.

Which one that is changes with the playhead, too, where markers cut. Only then anything is put aside or brought back:
what the animator shows and hides meanwhile stays so.
"""

import bpy

from .. import calm
from ..takes import sets, takes

_TICK = 0.1
_seen: tuple[int, int, int | None] = (0, 0, None)  # of the last look; see _identity


def follow(scene: bpy.types.Scene) -> None:
    """Put the sets of other shots aside where another shot or set is shown than at the last look."""
    global _seen
    proxy = sets.proxy_of(scene, takes.shown(scene.camera))
    before, _seen = _seen, _identity(scene, proxy)
    if _seen != before and _seen[0] == before[0] and _seen[2] is not None:
        sets.show_alone(scene, proxy)


def _identity(scene: bpy.types.Scene, proxy: bpy.types.Object | None) -> tuple[int, int, int | None]:
    """session_uid of a scene, of its camera and of the set of the take that this shows: 0 where that is not built yet,
    None where there is none but the scene itself."""
    camera = scene.camera.session_uid if scene.camera else 0
    if proxy:
        return scene.session_uid, camera, proxy.session_uid
    return scene.session_uid, camera, 0 if sets.is_offered(scene, scene.camera) else None


def _tick() -> float:
    if bpy.context.scene and not (calm.awaited() or calm.is_walking()):
        follow(bpy.context.scene)
    return _TICK


def register() -> None:
    if not bpy.app.background:
        bpy.app.timers.register(_tick, first_interval=_TICK, persistent=True)


def unregister() -> None:
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
