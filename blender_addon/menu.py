"""Render > Dollygrip: the steps of the panels without their settings, for F3, shortcuts and the keyboard."""

import bpy


class DOLLYGRIP_MT_steps(bpy.types.Menu):
    """From a picture and a prompt to a strip"""

    bl_label = "Dollygrip"

    def draw(self, _context):
        layout = self.layout
        layout.operator("dollygrip.predict_camera", icon="VIEW_CAMERA")
        layout.operator("dollygrip.more_like_this", icon="ADD")
        layout.operator("dollygrip.redirect", icon="FILE_REFRESH")
        layout.operator("dollygrip.build_set_proxy", icon="MESH_GRID")
        layout.separator()
        layout.operator("dollygrip.new_shot", icon="ADD")
        layout.operator("dollygrip.bind_shot", icon="MARKER_HLT")
        layout.separator()
        layout.operator("dollygrip.render_shot", icon="RENDER_ANIMATION")
        for which, text in (("SELECTED", "Render Selected Shots"), ("ALL", "Render All Shots")):
            layout.operator("dollygrip.render_shots", text=text).which = which
        layout.operator("dollygrip.cancel_job", text="Cancel Job", icon="X")


def _draw(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.separator()
    menu.layout.menu("DOLLYGRIP_MT_steps")


def register() -> None:
    bpy.utils.register_class(DOLLYGRIP_MT_steps)
    bpy.types.TOPBAR_MT_render.append(_draw)


def unregister() -> None:
    bpy.types.TOPBAR_MT_render.remove(_draw)
    bpy.utils.unregister_class(DOLLYGRIP_MT_steps)
