"""The panels: one sidebar tab, the same in the 3D Viewport and in the Sequencer."""

from pathlib import Path

import bpy
import bpy.utils.previews

from . import camera, strips, takes
from .render import engine_of, video_size
from .session import session

_previews: bpy.utils.previews.ImagePreviewCollection | None = None
_SPACES = (("VIEW_3D", "VIEW3D"), ("SEQUENCE_EDITOR", "SEQUENCER"))


def thumbnail(path: str) -> int:
    """Icon of a picture file, 0 where there is none; a file that changed is read anew."""
    absolute = Path(bpy.path.abspath(path))
    if not path or not absolute.is_file():
        return 0
    key = f"{absolute} {absolute.stat().st_mtime_ns}"
    found = _previews.get(key) or _previews.load(key, str(absolute), "IMAGE")
    return found.icon_id


def wrapped(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """Text in as many lines as the sidebar's width needs; labels do not wrap by themselves."""
    scale = context.preferences.system.ui_scale
    room = max(16, int((context.region.width / scale - 62) / 6.4))
    line, lines = "", []
    for word in text.split():
        while len(word) > room:  # a path without spaces
            lines, line, word = [*lines, *([line] if line else []), word[:room]], "", word[room:]
        if line and len(line) + 1 + len(word) > room:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    column = layout.column(align=True)
    column.scale_y = 0.8
    for i, text_line in enumerate([*lines, line]):
        column.label(text=text_line, icon=icon if i == 0 else ("BLANK1" if icon != "NONE" else "NONE"))


class _Panel:
    bl_region_type = "UI"
    bl_category = "Dollygrip"


class _Camera(_Panel):
    bl_label = "Camera"

    def draw(self, context):
        layout, state = self.layout, context.scene.dollygrip
        box = layout.box()
        if icon := thumbnail(state.reference):
            box.template_icon(icon_value=icon, scale=5.5)
        box.prop(state, "reference", text="", icon="IMAGE_REFERENCE", placeholder="Reference picture")
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


class _Takes(_Panel):
    bl_label = "Takes"

    def draw(self, context):
        layout, scene = self.layout, context.scene
        state = scene.dollygrip
        if state.take_list:
            layout.template_list("DOLLYGRIP_UL_takes", "", state, "take_list", state, "take_index", rows=2)
        else:
            layout.label(text="Predicted cameras appear here.", icon="INFO")
        take = takes.shown(scene.camera)
        if take:
            first, last = takes.frame_range(take)
            row = layout.row()
            row.label(text=f"Frames {first} to {last}")
            if (first, last) != (scene.frame_start, scene.frame_end):
                row.operator("dollygrip.fit_range", text="Use as Scene Range")
        row = layout.row(align=True)
        row.operator("dollygrip.load_take", text="Load", icon="IMPORT")
        row.operator("dollygrip.save_take", text="Save", icon="EXPORT")


class _Shot(_Panel):
    bl_label = "Shot"

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
            first, last = takes.frame_range(take) if take else (scene.frame_start, scene.frame_end)
            what = take.name if take else scene.camera.name
            wrapped(layout, context, f"{what}: {last - first + 1} frames", "OUTLINER_OB_CAMERA")
        row = layout.row()
        row.scale_y = 1.5
        row.operator("dollygrip.render_shot", icon="RENDER_ANIMATION")
        draw_job(layout, context, "RenderShot")
        strip = scene.sequence_editor.active_strip if scene.sequence_editor else None
        shot = strips.shot_of(strip) if strip else None
        if shot:
            box = layout.box()
            box.label(text=strip.name, icon="FILE_MOVIE")
            wrapped(box, context, f"“{shot['prompt']}”")
            size = "×".join(str(side) for side in shot["size"])
            wrapped(box, context, f"{shot['frames']} frames, {size}, {shot['engine']}, seed {shot['seed']}")


class _Backend(_Panel):
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


def draw_job(layout: bpy.types.UILayout, context: bpy.types.Context, kind: str) -> None:
    """Progress of the running task of this kind, or how the last task of this kind ended."""
    state, task, status = context.scene.dollygrip, session.task, session.status
    if task is not None:
        if type(task).__name__ == kind:
            row = layout.row(align=True)
            count = f"  {status.done} / {status.total}" if status.total else ""
            row.progress(factor=status.share, text=f"{status.text}{count}")
            row.operator("dollygrip.cancel_job", text="", icon="X")
        return
    if session.last != kind:
        return
    if state.error:
        box = layout.box()
        box.alert = True
        wrapped(box, context, state.error, "ERROR")
        if state.hint:
            wrapped(box, context, state.hint, "BLANK1")
    elif state.notice:
        wrapped(layout, context, state.notice, "CHECKMARK")


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


class DOLLYGRIP_UL_takes(bpy.types.UIList):
    """Takes by name; renaming one renames its Action"""

    def draw_item(self, _context, layout, _data, item, _icon, _active, _property):
        if item.action:
            split = layout.split(factor=0.72)
            split.prop(item.action, "name", text="", emboss=False, icon="ACTION")
            split.label(text=f"seed {takes.seed_of(item.action)}")
        else:
            layout.label(text="The Action was deleted", icon="ERROR")


def _panels() -> list[type]:
    """Each panel once for every space; Blender wants a class of its own for each."""
    made = []
    for base in (_Camera, _Takes, _Shot, _Backend):
        for space, short in _SPACES:
            name = f"DOLLYGRIP_PT_{base.__name__[1:].lower()}_{short.lower()}"
            made.append(type(name, (base, bpy.types.Panel), {"bl_idname": name, "bl_space_type": space}))
    return made


_classes = [DOLLYGRIP_MT_engine, DOLLYGRIP_UL_takes, *_panels()]


def register() -> None:
    global _previews
    _previews = bpy.utils.previews.new()
    for cls in _classes:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(_classes):
        bpy.utils.unregister_class(cls)
    bpy.utils.previews.remove(_previews)
