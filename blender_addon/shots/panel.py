"""The panels of takes and shots, and their lists."""

import bpy

from ..drawing import picture_size, tells, thumbnail, wrapped
from ..rigs import refit
from ..takes import census, framing, takes
from . import shots


class Takes:
    bl_label = "Takes"

    def draw(self, context):
        layout, scene = self.layout, context.scene
        shot = takes.find_camera(scene)
        if shot and shot.dollygrip_shot.takes:
            state = shot.dollygrip_shot
            row = layout.row()
            row.template_list("DOLLYGRIP_UL_takes", "", state, "takes", state, "take_index", rows=3)
            column = row.column(align=True)
            column.operator("dollygrip.duplicate_take", text="", icon="DUPLICATE")
            column.operator("dollygrip.delete_take", text="", icon="X")
            column.separator()
            column.operator("dollygrip.more_like_this", text="", icon="ADD")
        else:
            layout.label(text="Predicted cameras appear here.", icon="INFO")
        if take := takes.shown(shot):
            draw_take(layout, context, shot, take)
        if found := len(takes.unlisted()):
            said = "1 take belongs" if found == 1 else f"{found} takes belong"
            wrapped(layout, context, f"{said} to no shot", "INFO")
            layout.operator("dollygrip.list_takes")
        row = layout.row(align=True)
        row.operator("dollygrip.load_take", text="Load", icon="IMPORT")
        row.operator("dollygrip.save_take", text="Save", icon="EXPORT")


def draw_take(
    layout: bpy.types.UILayout, context: bpy.types.Context, shot: bpy.types.Object, take: bpy.types.Action
) -> None:
    """Prompt, what was understood of it, and frames of the take that is shown; not what the Camera panel says."""
    scene, made_from = context.scene, takes.provenance(take)
    told = scene.dollygrip.notice if tells(scene, "PredictCamera") else ""
    icon = thumbnail(made_from["reference"])
    if icon and icon != thumbnail(takes.chosen_reference(scene)):  # which the Camera panel shows
        layout.template_icon(icon_value=icon, scale=3.0)
    if (prompt := made_from.get("prompt")) and prompt != scene.dollygrip.brief.prompt.strip():
        wrapped(layout, context, f"“{prompt}”")
    if (moves := takes.directed(take)) and moves not in told:
        wrapped(layout, context, f"Directed as “{moves}”", "OUTLINER_DATA_SPEAKER")
    if (read := takes.understood(take)) and read not in told:
        wrapped(layout, context, read, "CON_FOLLOWPATH")
    first, last = takes.frame_range(take)
    layout.label(text=f"{first} to {last}", icon="PREVIEW_RANGE")
    if outside := takes.keys_outside(take):
        wrapped(layout, context, f"Keys lie on {outside[0]} to {outside[1]}", "INFO")
        layout.operator("dollygrip.fit_to_keys")
    if shots.spans(scene, shot):
        if first != shots.first_frame(scene, shot):
            layout.operator("dollygrip.slide_take")
    elif (first, last) != (scene.frame_start, scene.frame_end):
        layout.operator("dollygrip.fit_range")
    if guessed := framing.said(scene, shot, take, picture_size(made_from["reference"])):
        wrapped(layout, context, guessed, "ERROR")
    refit.draw(layout, take)


class Shots:
    bl_label = "Shots"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, scene = self.layout, context.scene
        row = layout.row()
        row.template_list("DOLLYGRIP_UL_shots", "", scene, "objects", scene.dollygrip, "shot_index", rows=2)
        row.operator("dollygrip.new_shot", text="", icon="ADD")
        shot = takes.find_camera(scene)
        if shot:
            first, last = shots.frame_range(scene, shot)
            layout.label(text=f"Frames {first} to {last}")
        row = layout.row(align=True)
        row.operator("dollygrip.bind_shot", icon="MARKER_HLT")
        row = row.row(align=True)
        row.enabled = bool(shot and shots.spans(scene, shot))
        row.operator("dollygrip.unbind_shot", icon="X")


class DOLLYGRIP_UL_takes(bpy.types.UIList):
    """Takes with the thumbnail of their reference and what tells them apart, which comes first: their names are often
    the same words. Renaming one renames its Action"""

    def draw_item(self, _context, layout, _data, item, _icon, _active, _property):
        if not item.action:
            layout.label(text="The Action was deleted", icon="ERROR")
            return
        split = layout.split(factor=0.5)
        label = takes.label_of(item.id_data, item.action) if takes.is_take(item.action) else "#–"
        if picture := thumbnail(takes.reference(item.action)):
            split.label(text=label, icon_value=picture)
        else:
            split.label(text=label, icon="ACTION")
        row = split.row(align=True)
        row.prop(item.action, "name", text="", emboss=False)
        row.prop(item, "star", text="", emboss=False, icon="SOLO_ON" if item.star else "SOLO_OFF")


class DOLLYGRIP_UL_shots(bpy.types.UIList):
    """Shots in the order of the timeline; renaming one renames its camera"""

    def draw_item(self, context, layout, _data, item, _icon, _active, _property):
        cuts = ", ".join(f"{first}–{last}" for first, last in shots.spans(context.scene, item))
        split = layout.split(factor=0.5) if cuts else layout
        row = split.row(align=True)
        row.prop(item.dollygrip_shot, "selected", text="")
        row.prop(item, "name", text="", emboss=False)
        if cuts:
            split.label(text=cuts)

    def filter_items(self, _context, scene, _property):
        listed, count = shots.of_scene(scene), census.count(scene)
        shown, order = [0] * count, list(range(len(listed), count))
        for camera, place in takes.cameras_of(scene).items():  # by their places, for what is inserted moves the rest
            shown[place] = self.bitflag_filter_item
            order.insert(place, listed.index(camera))
        return shown, order


register, unregister = bpy.utils.register_classes_factory((DOLLYGRIP_UL_takes, DOLLYGRIP_UL_shots))
