"""Notices when what a scene shows has changed: a number that grows with it, which costs nothing to look at.

Blender tells after each update which objects it was for. A change of the frame is none: predictions look at one of
their own. Objects that no camera sees do not count, for reading depth hides them for a moment, nor do cameras.
"""

import bpy

from ..camera import rays


class Watch:
    """The one watch of a Blender, on the scene of this session_uid while it is on."""

    def __init__(self) -> None:
        self.scene, self.changes = 0, 0

    def start(self, scene: bpy.types.Scene) -> None:
        self.stop()
        self.scene = scene.session_uid
        bpy.app.handlers.depsgraph_update_post.append(self._updated)

    def stop(self) -> None:
        if self._updated in bpy.app.handlers.depsgraph_update_post:
            bpy.app.handlers.depsgraph_update_post.remove(self._updated)

    def _updated(self, scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
        if scene.session_uid != self.scene:
            return
        updates = [u for u in depsgraph.updates if u.is_updated_geometry or u.is_updated_transform]
        moved = [u.id.original for u in updates if isinstance(u.id, bpy.types.Object) and u.id.type != "CAMERA"]
        if moved:
            self.changes += len(set(moved) - rays.not_seen(scene))


watch = Watch()
