"""The panel of the subject and the set, the offer of a set, and the menu of where a reference may come from."""

import bpy

from .. import compat
from ..backend.session import session
from ..camera import camera
from ..drawing import draw_job, picture_size, wrapped
from ..takes import sets, takes
from .picture import is_there

_HERE = "Subject and Set"


class Reference:
    bl_label = "Subject and Set"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, brief = self.layout, context.scene.dollygrip.brief
        row = layout.row(align=True)
        row.prop(brief, "subject_kind", expand=True)
        if brief.subject_kind == "OBJECT":
            layout.prop(brief, "subject_object", text="")
            if brief.subject_object and not brief.start:
                layout.label(text="Needs a camera under Start At", icon="ERROR")
        elif brief.subject_kind == "POINT":
            row = layout.row(align=True)
            x, y = brief.subject_point
            row.operator("dollygrip.pick_subject", text=f"{x:.0%} across, {y:.0%} down", icon="EYEDROPPER")
            clear = row.operator("wm.context_set_enum", text="", icon="X")
            clear.data_path, clear.value = "scene.dollygrip.brief.subject_kind", "AUTO"
        else:
            layout.operator("dollygrip.pick_subject", icon="EYEDROPPER")
        column = layout.column()
        column.use_property_split, column.use_property_decorate = True, False
        column.prop(brief, "scene_depth")
        if not brief.scene_depth:
            column.label(text="0: measured", icon="INFO")
        layout.operator("dollygrip.build_set_proxy", icon="MESH_GRID").panel = _HERE
        for proxy in sets.proxies(context.scene):
            row = layout.row(align=True)
            row.prop(proxy, "hide_viewport", text=proxy.name, emboss=False)
            row.operator("dollygrip.remove_set_proxy", text="", icon="X").name = proxy.name
        if session.panel == _HERE:
            draw_job(layout, context, "BuildSetProxy")


def draw_missing(layout: bpy.types.UILayout, context: bpy.types.Context, path: str) -> None:
    """That a reference is not there, before anything is asked of it."""
    if path.strip() and not is_there(path):
        wrapped(layout, context, f"{bpy.path.basename(path) or path} is not there.", "ERROR")


def draw_crop(layout: bpy.types.UILayout, context: bpy.types.Context, path: str) -> None:
    """What the scene's aspect leaves of a reference, where that is little, and the way to see it whole."""
    scene, size = context.scene, picture_size(path)
    if size and camera.is_cropped(scene, size):
        width, height = camera.square_size(scene)
        share = camera.share_shown(scene, size)
        wrapped(layout, context, f"The scene's {width}×{height} shows {share:.0%} of this picture.", "ERROR")
        layout.operator("dollygrip.match_picture", icon="FULLSCREEN_ENTER")


def draw_offer(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The way to a set for a shot whose camera sees nothing of its picture yet, and what came of it."""
    if sets.is_offered(context.scene, takes.find_camera(context.scene)):
        box = layout.box()
        said = "The picture does not stand in the scene yet, so the view through the camera (Numpad 0) lacks it."
        wrapped(box, context, said, "INFO")
        row = box.row()
        row.scale_y = 1.3
        row.operator("dollygrip.build_set_proxy", icon="MESH_GRID")
    if not session.panel:
        draw_job(layout, context, "BuildSetProxy")


class DOLLYGRIP_MT_capture(bpy.types.Menu):
    """Take the reference picture from this file"""

    bl_label = "From This File"

    def draw(self, context):
        layout, edit = self.layout, compat.sequencer_scene(context).sequence_editor
        for source, text, icon, there in (
            ("CAMERA", "Camera View", "CAMERA_DATA", context.scene.camera),
            ("RENDER", "Render Result", "RENDER_RESULT", True),
            ("SEQUENCER", "Sequencer Frame", "SEQUENCE", edit),
        ):
            row = layout.row()
            row.enabled = bool(there)
            row.operator("dollygrip.capture_reference", text=text, icon=icon).source = source
        layout.menu("DOLLYGRIP_MT_capture_image", icon="IMAGE_DATA")


class DOLLYGRIP_MT_capture_image(bpy.types.Menu):
    """The images of this file"""

    bl_label = "Image"

    def draw(self, _context):
        images = [image for image in bpy.data.images if image.type not in ("RENDER_RESULT", "COMPOSITING")]
        for image in images:
            taken = self.layout.operator("dollygrip.capture_reference", text=image.name, icon="IMAGE_DATA")
            taken.source, taken.image = "IMAGE", image.name
        if not images:
            self.layout.label(text="This file has no images")


register, unregister = bpy.utils.register_classes_factory((DOLLYGRIP_MT_capture, DOLLYGRIP_MT_capture_image))
