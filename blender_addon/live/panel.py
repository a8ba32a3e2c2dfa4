"""The Live panel: the plot of the move that is shown. Its switch, and what it says, are below Predict."""

import bpy
import numpy as np

from ..camera import camera
from ..takes import takes
from . import plot
from .live import live
from .overlay import overlay
from .path_shape import Shape, colour_of, speeds, turns


class Live:
    bl_label = "Live"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout = self.layout
        if preview := live.preview_of(context.scene):
            draw_plot(layout, context.scene, preview.shape, preview.trajectory.meta)
        elif overlay.view and (take := takes.shown(context.scene.camera)):
            draw_plot(layout, context.scene, overlay.view.shown, takes.provenance(take)["meta"])


def draw_plot(layout: bpy.types.UILayout, scene: bpy.types.Scene, shape: Shape, meta: dict) -> None:
    fps, unit = camera.scene_fps(scene), scene.unit_settings.scale_length
    travel, turn = speeds(shape.sampled).max() * fps * unit, np.degrees(turns(shape.sampled).max()) * fps
    column = layout.column(align=True)
    icon = plot.swatch("travel", colour_of(np.array([1.0]))[0])
    column.label(text=f"Travels at up to {travel:.2g} m/s", icon_value=icon)
    column.label(text=f"Turns at up to {turn:.2g}°/s", icon_value=plot.swatch("turn", plot.TURN))
    column.template_icon(icon_value=plot.icon_of(shape, phase_ends(meta)), scale=9.0)


def phase_ends(meta: dict) -> list[float]:
    """Shares of the time at which the phases of a prediction's plan end; none where they are not known."""
    ends = meta.get("phase_ends")
    known = isinstance(ends, list) and all(isinstance(end, int | float) and 0 <= end <= 1 for end in ends)
    return ends if known else []
