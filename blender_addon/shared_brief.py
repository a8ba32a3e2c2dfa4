"""Files in which a scene has one brief for all of its shots: when one is opened, each shot gets it as its own."""

import bpy

from . import brief, compat, linked
from .takes import takes

_NAMES = brief.DOLLYGRIP_PG_brief.__annotations__.keys() - {"direct"}


@bpy.app.handlers.persistent
def after_opening(_path: str) -> None:
    for scene in linked.own_scenes():
        stored = compat.stored_properties(scene)
        shared = stored.get("dollygrip", {})
        asked = {name: shared[name] for name in _NAMES if name in shared}
        if not asked:
            continue
        if "dollygrip_direct" in stored:
            asked["direct"] = stored.pop("dollygrip_direct")
        shared.pop("draft", None)  # which Blender makes where something looks at it
        shared["draft"] = asked
        for name in asked.keys() & _NAMES:
            del shared[name]
        for shot in filter(takes.is_camera, scene.objects):
            brief.hand_over(scene.dollygrip.draft, shot.dollygrip_shot.brief)


def register() -> None:
    bpy.app.handlers.load_post.append(after_opening)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(after_opening)
