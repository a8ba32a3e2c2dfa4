"""The Render panel, and the menu of the video engines."""

import bpy

from dollygrip.protocol import EngineInfo

from .. import compat
from ..backend.session import session
from ..camera import camera
from ..drawing import draw_job, wrapped
from ..shots import colours, shots, strips
from ..takes import takes
from . import measure, scene_depth
from .render import engine_of, video_size


class Render:
    bl_label = "Render"

    def draw(self, context):
        layout, scene = self.layout, context.scene
        state = scene.dollygrip
        layout.use_property_split, layout.use_property_decorate = True, False
        split = layout.split(factor=0.4)
        split.alignment = "RIGHT"
        split.label(text="Engine")
        split.menu("DOLLYGRIP_MT_engine", text=engine_title(state.engine))
        take = takes.shown(scene.camera)
        engine = engine_of(session.welcome, state.engine) if session.welcome else None
        if engine and not engine.available:
            wrapped(layout, context, f"{engine_title(engine.name)}: {engine.reason}.", "ERROR")
            layout.operator("dollygrip.show_models", icon="IMPORT")
        draw_size(layout, scene, engine)
        if scene.camera:
            first, last = shots.frame_range(scene, scene.camera)
            what = take.name if take else scene.camera.name
            wrapped(layout, context, f"{what}: {last - first + 1} frames", "OUTLINER_OB_CAMERA")
            if scene_depth.view_of_set(scene, take) and (engine is None or engine.keeps_geometry):
                layout.prop(state, "use_scene_depth")
        row = layout.row()
        row.scale_y = 1.5
        row.operator("dollygrip.render_shot", icon="RENDER_ANIMATION")
        row = layout.row(align=True)
        for which, text in (("SELECTED", "Render Selected"), ("ALL", "Render All")):
            row.operator("dollygrip.render_shots", text=text).which = which
        draw_job(layout, context, "RenderShot")
        strip = strips.active(context)
        shot = strips.shot_of(strip) if strip else None
        if shot:
            box = layout.box()
            box.label(text=strip.name, icon="FILE_MOVIE")
            wrapped(box, context, f"“{shot['prompt']}”")
            size = "×".join(str(side) for side in shot["size"])
            wrapped(box, context, f"{shot['frames']} frames, {size}, {shot['engine']}, seed {shot['seed']}")
            if shot.get("kept_set"):
                wrapped(box, context, "On the scene's own geometry")
            if not colours.are_true(compat.sequencer_scene(context), strip):
                if colours.CHANGED not in state.notice:
                    wrapped(box, context, "The scene's view changes the colours of this strip.", "COLOR")
                box.operator("dollygrip.show_true_colours")
            measure.draw(box, context, shot)
            box.operator("dollygrip.open_take", icon="LOOP_BACK")


def draw_size(layout: bpy.types.UILayout, scene: bpy.types.Scene, engine: EngineInfo | None) -> None:
    """The size that a shot gets, known with its engine; opened, what the animator asks of it."""
    state = scene.dollygrip
    header, body = layout.panel("dollygrip_size", default_closed=True)
    if engine:
        across, down = video_size((state.width, state.height), camera.render_size(scene), engine)
        header.label(text=f"Size {across}×{down}")
    else:
        header.label(text="Size")
    if body:
        column = body.column(align=True)
        column.prop(state, "width")
        column.prop(state, "height")
        column.label(text="0: what suits engine and scene", icon="INFO")


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
        layout.separator()
        layout.operator("dollygrip.show_models", icon="IMPORT")


def choose(layout: bpy.types.UILayout, name: str, text: str) -> None:
    chosen = layout.operator("wm.context_set_string", text=text)
    chosen.data_path, chosen.value = "scene.dollygrip.engine", name


register, unregister = bpy.utils.register_classes_factory((DOLLYGRIP_MT_engine,))
