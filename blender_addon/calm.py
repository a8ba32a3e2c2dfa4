"""What the animator or Blender is in the midst of, so that what timers do in the scene waits for its end.

Only what ends is waited for, and what can be told: Blender tells of no slider that is being dragged, and an add-on's
own modal operator may run all day.
"""

import bpy

_PLAIN_MODES = {"OBJECT", "POSE"}  # all others have an undo of their own, which knows nothing of other data-blocks


def is_dragging() -> bool:
    """Whether something is being moved by hand: a change of the frame would take it from there."""
    windows = bpy.context.window_manager.windows
    return any(modal.bl_idname.startswith("TRANSFORM_OT") for window in windows for modal in window.modal_operators)


def is_walking() -> bool:
    """Whether an operator of ours goes through the frames, a few at a time: the scene's camera is one of those, too."""
    windows = bpy.context.window_manager.windows
    return any(modal.bl_idname.startswith("DOLLYGRIP_OT") for window in windows for modal in window.modal_operators)


def is_rendering() -> bool:
    """Whether F12 or an animation renders, in a thread that reads the scene and its current frame."""
    return bpy.app.is_job_running("RENDER")


def awaited() -> str:
    """What must end before anything is put into the scene or read from it on other frames; "" where nothing must."""
    if is_rendering():
        return "Blender's render"
    return "the drag" if is_dragging() else ""


def awaited_by_undo() -> str:
    """As `awaited`, or the mode in which a step of undo would not hold new data-blocks."""
    actives = (window.view_layer.objects.active for window in bpy.context.window_manager.windows)
    modes = (thing.mode for thing in actives if thing and thing.mode not in _PLAIN_MODES)
    return awaited() or next(map(_said, modes), "")


def _said(mode: str) -> str:
    """A mode as Blender's menu calls it."""
    known = "Draw" if mode in ("PAINT_GPENCIL", "PAINT_GREASE_PENCIL") else mode.replace("_", " ").title()
    return f"{known} Mode"
