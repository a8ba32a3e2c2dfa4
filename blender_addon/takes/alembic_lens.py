"""Blender's lens against an Alembic file's, which is given by the width of the picture, whatever the sensor fits.

Blender's exporter writes the sensor's width and the shift as they stand, and its importer takes them as they come.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import bpy

from dollygrip.conventions import lens_from_intrinsics

from ..camera import camera

_ANIMATED = ("lens", "shift_x", "shift_y")


def as_read(data: bpy.types.Camera) -> None:
    """Let an imported lens mean what it means in its file."""
    data.sensor_fit = "HORIZONTAL"


@contextmanager
def as_written(context: bpy.types.Context, made: bpy.types.Object, first: int, last: int) -> Iterator[None]:
    """Let a camera see the same by the width of its picture for a while, over the frames first..last."""
    kept = made.data
    sensor = camera.sensor_of(context.scene, kept)
    if sensor.horizontal:
        yield
        return
    pixel = sensor.side / sensor.view
    width, height = sensor.size[0] * pixel, sensor.size[1] * sensor.pixel_ratio * pixel
    flat = attrs.evolve(sensor, width=width, height=height, fit="HORIZONTAL")
    lens, shift = lens_from_intrinsics(camera.sample(context, first, last, made).intrinsics, flat)
    data, action = kept.copy(), bpy.data.actions.new("Dollygrip Export")
    try:
        data.animation_data_clear()
        data.animation_data_create().action = action
        data.sensor_fit, data.sensor_width, data.sensor_height = "HORIZONTAL", width, height
        for frame, values in enumerate(zip(lens, *shift.T, strict=True), first):
            for name, value in zip(_ANIMATED, values, strict=True):
                setattr(data, name, value)
                data.keyframe_insert(name, frame=frame)
        made.data = data
        yield
    finally:
        made.data = kept
        bpy.data.batch_remove({data, action})
