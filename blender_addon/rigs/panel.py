"""The Rig panel: how the take is built, what carries the camera, and what stands in its way."""

import bpy

from ..drawing import wrapped
from ..takes import takes
from . import collisions, physics, rigs

_TITLES = {rigs.PLAIN: "Curves", rigs.PATH: "Path", rigs.AIM: "Aim"}


class Rig:
    bl_label = "Rig"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context):
        return context.scene.camera is not None

    def draw(self, context):
        layout, camera = self.layout, context.scene.camera
        take = takes.shown(camera)
        if take:
            row = layout.row(align=True)
            for kind, title in _TITLES.items():
                shown = rigs.kind_of(take) == kind
                row.operator("dollygrip.set_rig", text=title, depress=shown).kind = kind
            layout.operator_menu_enum("dollygrip.apply_physics", "rig", text="Move Like …", icon="PHYSICS")
            for line in take.get(physics.SAID, ()):
                wrapped(layout, context, line)
        draw_handheld(layout, camera)
        if take:
            draw_collisions(layout, context, take)


def draw_handheld(layout: bpy.types.UILayout, camera: bpy.types.Object) -> None:
    layer = physics.handheld_of(camera)
    if layer is None:
        layout.operator("dollygrip.add_handheld", icon="VIEW_PAN")
        return
    row = layout.row(align=True)
    row.prop(layer, "influence", text="Handheld", slider=True)
    seed = layer.target.get("seed", 0) if layer.target else 0
    row.operator("dollygrip.add_handheld", text="", icon="FILE_REFRESH").seed = seed + 1
    row.operator("dollygrip.remove_handheld", text="", icon="X")


def draw_collisions(layout: bpy.types.UILayout, context: bpy.types.Context, take: bpy.types.Action) -> None:
    layout.operator("dollygrip.check_collisions", icon="MOD_PHYSICS")
    found, unit = collisions.found_in(take), context.scene.unit_settings.scale_length
    if not found:
        if found is not None:
            layout.label(text="The path was clear.", icon="CHECKMARK")
        return
    column = layout.column(align=True)
    for run in found[:12]:
        near = f"{run['distance'] * unit:.2g} m" if run["distance"] else "goes through"
        go = column.operator("wm.context_set_int", text=f"{run['first']} to {run['last']}: {run['name']}, {near}")
        go.data_path, go.value = "scene.frame_current", run["first"]
    if len(found) > 12:
        column.label(text=f"… and {len(found) - 12} more")
    layout.operator("dollygrip.fix_collisions", icon="MOD_SHRINKWRAP")
