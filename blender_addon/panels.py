"""The panels: one sidebar tab, the same in the 3D Viewport and in the Sequencer."""

import bpy

from . import camera, panels_direct, panels_live, panels_reference, panels_rig, panels_takes, shots, strips, takes
from .drawing import draw_job, thumbnail, wrapped
from .render import engine_of, video_size
from .session import session

_SPACES = (("VIEW_3D", "VIEW3D"), ("SEQUENCE_EDITOR", "SEQUENCER"))


class _Camera:
    bl_label = "Camera"

    def draw(self, context):
        layout, state = self.layout, context.scene.dollygrip
        box = layout.box()
        if icon := thumbnail(state.reference):
            box.template_icon(icon_value=icon, scale=5.5)
        row = box.row(align=True)
        row.prop(state, "reference", text="", icon="IMAGE_REFERENCE", placeholder="Reference picture")
        row.menu("DOLLYGRIP_MT_capture", text="", icon="DOWNARROW_HLT")
        column = layout.column(align=True)
        column.scale_y = 1.2
        column.prop(state, "prompt", text="", icon="GREASEPENCIL", placeholder="What does the camera do?")
        layout.use_property_split, layout.use_property_decorate = True, False
        column = layout.column(align=True)
        column.prop(state, "frame_count")
        column.prop(state, "seed")
        column.prop(state, "takes")
        column = layout.column(align=True)
        column.prop(state, "start")
        if state.start:
            column.prop(state, "exact_depth")
        column.prop(state, "strength", slider=True)
        column.prop(state, "scene_depth")
        row = layout.row()
        row.scale_y = 1.5
        row.operator("dollygrip.predict_camera", icon="VIEW_CAMERA")
        draw_job(layout, context, "PredictCamera")


class _Render:
    bl_label = "Render"

    def draw(self, context):
        layout, scene = self.layout, context.scene
        state = scene.dollygrip
        layout.use_property_split, layout.use_property_decorate = True, False
        split = layout.split(factor=0.4)
        split.alignment = "RIGHT"
        split.label(text="Engine")
        split.menu("DOLLYGRIP_MT_engine", text=engine_title(state.engine))
        column = layout.column(align=True)
        column.prop(state, "width")
        column.prop(state, "height")
        take = takes.shown(scene.camera)
        engine = engine_of(session.welcome, state.engine) if session.welcome else None
        if engine and not (state.width and state.height):
            across, down = video_size((state.width, state.height), camera.render_size(scene), engine)
            column.label(text=f"Renders {across}×{down}", icon="INFO")
        if scene.camera:
            first, last = shots.frame_range(scene, scene.camera)
            what = take.name if take else scene.camera.name
            wrapped(layout, context, f"{what}: {last - first + 1} frames", "OUTLINER_OB_CAMERA")
        row = layout.row()
        row.scale_y = 1.5
        row.operator("dollygrip.render_shot", icon="RENDER_ANIMATION")
        row = layout.row(align=True)
        for which, text in (("SELECTED", "Render Selected"), ("ALL", "Render All")):
            row.operator("dollygrip.render_shots", text=text).which = which
        draw_job(layout, context, "RenderShot")
        strip = scene.sequence_editor.active_strip if scene.sequence_editor else None
        shot = strips.shot_of(strip) if strip else None
        if shot:
            box = layout.box()
            box.label(text=strip.name, icon="FILE_MOVIE")
            wrapped(box, context, f"“{shot['prompt']}”")
            size = "×".join(str(side) for side in shot["size"])
            wrapped(box, context, f"{shot['frames']} frames, {size}, {shot['engine']}, seed {shot['seed']}")
            box.operator("dollygrip.open_take", icon="LOOP_BACK")


class _Backend:
    bl_label = "Backend"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, welcome = self.layout, session.welcome
        if welcome is None:
            layout.label(text="Starts by itself when it is needed.", icon="INFO")
        else:
            layout.label(text=f"Dollygrip {welcome.server_version} on {', '.join(welcome.devices)}", icon="CHECKMARK")
        layout.operator("dollygrip.start_backend", text="Connect" if welcome else "Start Backend", icon="PLAY")
        draw_job(layout, context, "StartBackend")


def engine_title(name: str) -> str:
    engines = session.welcome.engines if session.welcome else []
    return next((e.title.partition(":")[0] for e in engines if e.name == name), name.capitalize())


class DOLLYGRIP_MT_engine(bpy.types.Menu):
    """The video engines that the backend offers"""

    bl_label = "Engine"

    def draw(self, _context):
        layout = self.layout
        choose(layout, "auto", "Auto: the best that is available")
        if session.welcome is None:
            layout.label(text="Start the backend to see its engines", icon="INFO")
            return
        layout.separator()
        for engine in session.welcome.engines:
            row = layout.row()
            row.enabled = engine.available
            choose(row, engine.name, engine.title if engine.available else f"{engine.title} ({engine.reason})")


def choose(layout: bpy.types.UILayout, name: str, text: str) -> None:
    chosen = layout.operator("wm.context_set_string", text=text)
    chosen.data_path, chosen.value = "scene.dollygrip.engine", name


def _panels() -> list[type]:
    """Each panel once for every space; Blender wants a class of its own for each."""
    made = []
    for base in (
        _Camera,
        panels_takes.Takes,
        _Render,
        panels_takes.Shots,
        panels_live.Live,
        panels_reference.Reference,
        panels_direct.Direct,
        panels_rig.Rig,
        _Backend,
    ):
        for space, short in _SPACES:
            name = f"DOLLYGRIP_PT_{base.__name__.strip('_').lower()}_{short.lower()}"
            place = {"bl_space_type": space, "bl_region_type": "UI", "bl_category": "Dollygrip"}
            made.append(type(name, (base, bpy.types.Panel), {"bl_idname": name, **place}))
    return made


_classes = [DOLLYGRIP_MT_engine, *panels_reference.MENUS, *panels_takes.LISTS, *_panels()]


def register() -> None:
    for cls in _classes:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_classes):
        bpy.utils.unregister_class(cls)
