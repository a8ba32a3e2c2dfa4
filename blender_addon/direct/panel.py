"""The Camera panel: prompt and reference. The Direct panel: a part under a new direction, or along a drawn path."""

import bpy

from dollygrip.errors import DollygripError

from ..backend.session import session
from ..drawing import draw_job, draw_set_up, thumbnail, wrapped
from ..references.panel import draw_crop, draw_missing, draw_offer
from ..shots import shots
from ..takes import takes
from . import parts


class Camera:
    bl_label = "Camera"

    def draw(self, context):
        layout, scene = self.layout, context.scene
        brief, listed = scene.dollygrip.brief, shots.of_scene(scene)
        draw_set_up(layout, context)
        box = layout.box()
        if len(listed) > 1:
            box.label(text=takes.find_camera(scene).name, icon="OUTLINER_OB_CAMERA")
        reference = takes.chosen_reference(scene)
        if icon := thumbnail(reference):
            box.template_icon(icon_value=icon, scale=5.5)
        row = box.row(align=True)
        row.prop(brief, "reference", text="", icon="IMAGE_REFERENCE", placeholder="Reference picture")
        row.menu("DOLLYGRIP_MT_capture", text="", icon="DOWNARROW_HLT")
        draw_missing(box, context, reference)
        draw_crop(box, context, reference)
        column = layout.column(align=True)
        column.scale_y = 1.2
        column.prop(brief, "prompt", text="", icon="GREASEPENCIL", placeholder="What does the camera do?")
        layout.use_property_split, layout.use_property_decorate = True, False
        column = layout.column(align=True)
        column.prop(brief, "frame_count")
        column.prop(brief, "seed")
        column.prop(brief, "takes")
        column = layout.column(align=True)
        column.prop(brief, "start")
        if brief.start:
            column.prop(brief, "exact_depth")
        if brief.use_director or (session.welcome and session.welcome.director):
            column.prop(brief, "use_director")
        column.prop(brief, "strength", slider=True)
        row = layout.row()
        row.scale_y = 1.5
        row.operator("dollygrip.predict_camera", icon="VIEW_CAMERA")
        row = layout.row(align=True)
        row.use_property_split = False
        row.prop(context.window_manager, "dollygrip_live", text="Live", icon="PLAY", toggle=True)
        row.operator("dollygrip.keep_live", icon="CHECKMARK")
        if said := context.window_manager.dollygrip_live_line:
            wrapped(layout, context, said)
        draw_job(layout, context, "PredictCamera")
        draw_offer(layout, context)


class Direct:
    bl_label = "Direct"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, scene = self.layout, context.scene
        direct = scene.dollygrip.brief.direct
        box = layout.box()
        box.label(text="Re-direct a Part", icon="ACTION_TWEAK")
        box.prop(direct, "prompt", text="", icon="GREASEPENCIL", placeholder="What does it do there instead?")
        if scene.camera:
            draw_part(box, context)
        row = box.row()
        row.scale_y = 1.3
        row.operator("dollygrip.redirect", icon="FILE_REFRESH")
        draw_job(box, context, "Redirect")
        box = layout.box()
        box.label(text="Along a Drawn Path", icon="CURVE_PATH")
        box.prop(direct, "path", text="")
        row = box.row()
        row.scale_y = 1.3
        row.operator("dollygrip.predict_along_path", icon="CON_FOLLOWPATH")
        draw_job(box, context, "AlongPath")


def draw_part(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Which frames would be new, and why these; which keys stay."""
    scene = context.scene
    direct = scene.dollygrip.brief.direct
    try:
        chosen = parts.chosen_frames(scene, scene.camera)
        if chosen is None or chosen[2] == parts.FIELDS:
            row = layout.row(align=True)
            row.prop(direct, "first")
            row.prop(direct, "last")
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
