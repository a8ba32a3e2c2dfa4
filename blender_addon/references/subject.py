"""The subject of a prediction: what an orbit goes around. Found by the words, a point of the picture, or an object."""

import bpy
import numpy as np
from bpy.props import FloatVectorProperty
from mathutils import Vector

from dollygrip.conventions import blender_from_c2w
from dollygrip.errors import DollygripError, InputError
from dollygrip.trajectory import Trajectory

from ..camera import camera, rays
from ..takes import takes
from .picture import image_showing, is_chosen, read_picture

_SHAPELESS = {"EMPTY", "LIGHT", "CAMERA", "SPEAKER", "LIGHT_PROBE"}  # types whose bounding box says nothing

Subject = tuple[tuple[float, float] | None, float | None]
"""(x, y) in the picture from 0 to 1, or None to let the words find it; its depth in metres where that is known."""


def of(context: bpy.types.Context, image: np.ndarray, seen: Trajectory | None, frame: int) -> Subject:
    """The subject that is asked for, in the picture `image` that frame 0 of `seen` shows centre-cropped.

    Raises InputError for an object that is not in the scene, or that the start camera does not see on `frame`.
    """
    brief = context.scene.dollygrip.brief
    if brief.subject_kind == "POINT":
        return tuple(brief.subject_point), None
    if brief.subject_kind == "AUTO":
        return None, None
    thing = brief.subject_object
    if thing is None:
        raise InputError("No object is chosen as the subject.", "Choose one, or set the subject to Automatic.")
    camera.check_in_scene(context.scene, thing, "Object")
    if seen is None:
        raise InputError(
            f"Where {thing.name} is in the picture is not known without a camera that took it.",
            "Choose a camera under Start At, or pick the subject in the picture.",
        )
    return in_picture(context, thing, image, seen, frame)


def in_picture(
    context: bpy.types.Context, thing: bpy.types.Object, image: np.ndarray, seen: Trajectory, frame: int
) -> Subject:
    """Where the evaluated centre of an object lies in the picture, and its depth; see `of`."""
    unit = context.scene.unit_settings.scale_length
    with camera.on_frame(context.scene, frame):
        evaluated = thing.evaluated_get(context.evaluated_depsgraph_get())
        corners = [] if thing.type in _SHAPELESS else [Vector(corner) for corner in evaluated.bound_box]
        middle = sum(corners, Vector()) / len(corners) if corners else Vector()
        place = np.array(evaluated.matrix_world @ middle)
    to_camera = np.linalg.inv(blender_from_c2w(seen.c2w[0], unit))
    across, up, back = to_camera[:3, :3] @ place + to_camera[:3, 3]
    if -back * unit <= rays.NEAR_PLANE:
        raise InputError(
            f"{thing.name} is behind the start camera on frame {frame}.", "Turn the camera to it, or choose another."
        )
    size = image.shape[1], image.shape[0]
    fx, fy, cx, cy = camera.in_picture(seen.intrinsics, seen.size, size)[0]
    x, y = (cx + fx * across / -back) / size[0], (cy - fy * up / -back) / size[1]
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise InputError(
            f"{thing.name} is outside of the start camera's picture on frame {frame}.",
            "Turn the camera to it, or choose another.",
        )
    return (float(x), float(y)), float(-back * unit)


class DOLLYGRIP_OT_pick_subject(bpy.types.Operator):
    """Click the subject in the reference picture, which is shown here meanwhile"""

    bl_idname = "dollygrip.pick_subject"
    bl_label = "Pick Subject"
    bl_options = {"REGISTER", "UNDO"}

    point: FloatVectorProperty(
        name="Point", description="Fractions of the picture from its upper left corner", size=2, default=(0.5, 0.5)
    )

    @classmethod
    def poll(cls, context):
        return is_chosen(cls, context)

    def execute(self, context):
        if not all(0 <= side <= 1 for side in self.point):
            self.report({"ERROR"}, "The subject lies outside of the picture.")
            return {"CANCELLED"}
        try:
            brief = takes.own_brief(context.scene)
        except DollygripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        brief.subject_point, brief.subject_kind = self.point, "POINT"
        return {"FINISHED"}

    def invoke(self, context, _event):
        try:
            takes.own_brief(context.scene)
            seen = read_picture(takes.chosen_reference(context.scene))
        except DollygripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self._area, self._was = context.area, context.area.ui_type
        self._image = image_showing(seen)  # the file's own would lie on its side where it is stored turned
        self._area.ui_type = "IMAGE_EDITOR"
        self._area.spaces.active.image = self._image
        self._area.header_text_set("Click the subject. Esc or the right button leaves it as it was")
        with context.temp_override(area=self._area, region=self._region):
            bpy.ops.image.view_all(fit_view=True)
        context.window.cursor_modal_set("EYEDROPPER")
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        if event.type in {"ESC", "RIGHTMOUSE"}:
            self._leave(context)
            return {"CANCELLED"}
        if event.type != "LEFTMOUSE":
            return {"PASS_THROUGH"}  # the picture may be zoomed and moved
        if event.value != "PRESS":
            return {"RUNNING_MODAL"}
        region = self._region
        x, y = region.view2d.region_to_view(event.mouse_x - region.x, event.mouse_y - region.y)
        if not (0 <= x <= 1 and 0 <= y <= 1):
            self._area.header_text_set("That was beside the picture. Click the subject; Esc leaves it as it was")
            return {"RUNNING_MODAL"}
        self.point = x, 1 - y
        self._leave(context)
        return self.execute(context)

    @property
    def _region(self) -> bpy.types.Region:
        return next(region for region in self._area.regions if region.type == "WINDOW")

    def _leave(self, context) -> None:
        self._area.header_text_set(None)
        self._area.spaces.active.image = None
        self._area.ui_type = self._was
        context.window.cursor_modal_restore()
        bpy.data.images.remove(self._image)


register, unregister = bpy.utils.register_classes_factory((DOLLYGRIP_OT_pick_subject,))
