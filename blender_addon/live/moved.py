"""Notices when what a scene shows has changed: a number that grows with it, which costs nothing to look at.

Blender tells after each update which objects it was for. A change of the frame is none: predictions look at one of
their own. Objects that are not rendered do not count, for reading depth hides them for a moment, nor do cameras.
"""

import bpy


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
        for update in depsgraph.updates:
            thing = update.id
            if isinstance(thing, bpy.types.Object) and (update.is_updated_geometry or update.is_updated_transform):
                self.changes += thing.type != "CAMERA" and not thing.hide_render


watch = Watch()
