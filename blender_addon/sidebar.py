"""The panels: one sidebar tab, the same in the 3D Viewport and in the Sequencer."""

import bpy

from .backend.session import session
from .direct import panel as direct
from .drawing import draw_job
from .live import panel as live
from .references import panel as references
from .render import panel as render
from .rigs import panel as rigs
from .shots import panel as shots

_SPACES = (("VIEW_3D", "VIEW3D"), ("SEQUENCE_EDITOR", "SEQUENCER"))


class Backend:
    bl_label = "Backend"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, welcome = self.layout, session.welcome
        if welcome is None:
            layout.label(text="Starts by itself when it is needed.", icon="INFO")
        else:
            layout.label(text=f"Dollygrip {welcome.server_version} on {', '.join(welcome.devices)}", icon="CHECKMARK")
        layout.operator("dollygrip.start_backend", text="Check Connection" if welcome else "Start Backend", icon="PLAY")
        draw_job(layout, context, "StartBackend")
        layout.operator("dollygrip.show_models", icon="IMPORT")


def _panels() -> list[type]:
    """Each panel once for every space; Blender wants a class of its own for each."""
    made = []
    for base in (
        direct.Camera,
        shots.Takes,
        render.Render,
        shots.Shots,
        live.Live,
        references.Reference,
        direct.Direct,
        rigs.Rig,
        Backend,
    ):
        for space, short in _SPACES:
            name = f"DOLLYGRIP_PT_{base.__name__.lower()}_{short.lower()}"
            place = {"bl_space_type": space, "bl_region_type": "UI", "bl_category": "Dollygrip"}
            made.append(type(name, (base, bpy.types.Panel), {"bl_idname": name, **place}))
    return made


register, unregister = bpy.utils.register_classes_factory(_panels())
