"""Blender's own Decimate Keyframes (allowed change) on dense cameras, for bench/curves.py; runs in Blender's Python.

python decimate_in_blender.py IN.npz OUT.npz    reads values (N, T, 6), margins (N, M, 2) for location and rotation;
writes fitted (N, M, T, 6) and counts (N, M, 6), as Blender evaluates and counts them.
"""

import sys

import bpy
import numpy as np

_CHANNELS = [(path, i) for path in ("location", "rotation_euler") for i in range(3)]


def dense_curves(curves, values: np.ndarray) -> list:
    """F-curves with a key on every frame, handles as Blender makes them."""
    made = []
    for (path, index), channel in zip(_CHANNELS, values.T, strict=True):
        curve = curves.new(path, index=index)
        curve.keyframe_points.add(len(channel))
        keys = np.stack([np.arange(1, len(channel) + 1), channel], 1).astype(np.float32)
        curve.keyframe_points.foreach_set("co", keys.ravel())
        for side in ("left", "right"):
            kinds = np.full(len(channel), 4, np.int32)  # AUTO_CLAMPED
            curve.keyframe_points.foreach_set(f"handle_{side}_type", kinds)
        curve.update()
        made.append(curve)
    return made


def decimate(curves: list, margin: float) -> None:
    for curve in curves:
        curve.select = True
        curve.keyframe_points.foreach_set("select_control_point", np.ones(len(curve.keyframe_points), bool))
    bpy.ops.graph.decimate(mode="ERROR", remove_error_margin=margin)
    for curve in curves:
        curve.keyframe_points.foreach_set("select_control_point", np.zeros(len(curve.keyframe_points), bool))


def main(source: str, target: str) -> None:
    with np.load(source, allow_pickle=False) as given:
        values, margins = given["values"], given["margins"]
    thing = bpy.data.objects.new("Camera", None)
    bpy.context.collection.objects.link(thing)
    action = bpy.data.actions.new("Dense")
    data = thing.animation_data_create()
    data.action = action
    data.action_slot = action.slots.new("OBJECT", "Camera")
    curves = action.layers.new("Layer").strips.new(type="KEYFRAME").channelbag(data.action_slot, ensure=True).fcurves
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "GRAPH_EDITOR"
    area.spaces.active.dopesheet.show_only_selected = False
    region = next(region for region in area.regions if region.type == "WINDOW")
    frames = range(1, values.shape[1] + 1)
    fitted, counts = np.empty((*margins.shape[:2], len(frames), 6)), np.empty((*margins.shape[:2], 6), int)
    with bpy.context.temp_override(window=window, area=area, region=region):
        for take, choices in enumerate(margins):
            for choice, (position, angle) in enumerate(choices):
                made = dense_curves(curves, values[take])
                decimate(made[:3], position)
                decimate(made[3:], angle)
                fitted[take, choice] = [[curve.evaluate(frame) for curve in made] for frame in frames]
                counts[take, choice] = [len(curve.keyframe_points) for curve in made]
                curves.clear()
    np.savez(target, fitted=fitted, counts=counts)


if __name__ == "__main__":
    main(*sys.argv[1:])
