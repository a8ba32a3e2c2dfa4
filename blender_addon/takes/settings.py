"""What of a camera a take's curves depend on: the order of its rotations and its sensor. Each take knows its own."""

import bpy

from dollygrip.conventions import Sensor

_KEY = "dollygrip_settings"
_SENSOR = ("sensor_fit", "sensor_width", "sensor_height")


def give(action: bpy.types.Action, rotation_mode: str, sensor: Sensor) -> None:
    """Let a take be seen by these settings."""
    values = (sensor.fit, sensor.width, sensor.height)
    action[_KEY] = {"rotation_mode": rotation_mode, **dict(zip(_SENSOR, values, strict=True))}


def keep(action: bpy.types.Action, camera: bpy.types.Object) -> None:
    """Let a take be seen by the settings that a camera has now."""
    action[_KEY] = {"rotation_mode": camera.rotation_mode, **{name: getattr(camera.data, name) for name in _SENSOR}}


def restore(action: bpy.types.Action, camera: bpy.types.Object) -> None:
    """Give a camera the settings of a take; an Action that is none has none."""
    kept = action.get(_KEY)
    if kept is None:
        return
    camera.rotation_mode = kept["rotation_mode"]
    for name in _SENSOR:
        setattr(camera.data, name, kept[name])
