"""The Direct panel: a part of the shot under a new direction, and a camera along a drawn path."""

import bpy

from dollygrip.errors import DollygripError

from . import parts
from .drawing import draw_job, wrapped


class Direct:
    bl_label = "Direct"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, scene = self.layout, context.scene
        state = scene.dollygrip_direct
        box = layout.box()
        box.label(text="Re-direct a Part", icon="ACTION_TWEAK")
        box.prop(state, "prompt", text="", icon="GREASEPENCIL", placeholder="What does it do there instead?")
        if scene.camera:
            draw_part(box, context)
        row = box.row()
        row.scale_y = 1.3
        row.operator("dollygrip.redirect", icon="FILE_REFRESH")
        draw_job(box, context, "Redirect")
        box = layout.box()
        box.label(text="Along a Drawn Path", icon="CURVE_PATH")
        box.prop(state, "path", text="")
        row = box.row()
        row.scale_y = 1.3
        row.operator("dollygrip.predict_along_path", icon="CON_FOLLOWPATH")
        draw_job(box, context, "AlongPath")


def draw_part(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Which frames would be new, and why these; which keys stay."""
    scene = context.scene
    state = scene.dollygrip_direct
    try:
        chosen = parts.chosen_frames(scene, scene.camera)
        if chosen is None or chosen[2] == parts.FIELDS:
            row = layout.row(align=True)
            row.prop(state, "first")
            row.prop(state, "last")
        span = parts.chosen_span(scene, scene.camera)
    except DollygripError as error:
        wrapped(layout, context, str(error), "INFO")
        return
    wrapped(layout, context, f"Frames {span.first} to {span.last}: {chosen[2]}.", "PREVIEW_RANGE")
    if span.locked:
        wrapped(layout, context, f"Locked: {', '.join(map(str, span.locked))}", "LOCKED")
    row = layout.row(align=True)
    row.operator("dollygrip.lock_keys", icon="LOCKED").locked = True
    row.operator("dollygrip.lock_keys", text="", icon="UNLOCKED").locked = False
