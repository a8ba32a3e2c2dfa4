"""Operators that direct the camera by words."""

import bpy
from bpy.props import BoolProperty, IntProperty

from ..backend.job import Job
from ..rigs import rigs
from ..shots.operators import OnTake
from ..takes import takes
from . import parts
from .drawn import AlongPath
from .predict import PredictCamera
from .redirect import Redirect


class DOLLYGRIP_OT_predict_camera(Job, bpy.types.Operator):
    """Predict a camera move from the prompt and the reference picture"""

    bl_idname = "dollygrip.predict_camera"
    bl_label = "Predict Camera"
    task = PredictCamera


class DOLLYGRIP_OT_more_like_this(Job, OnTake, bpy.types.Operator):
    """Predict more takes of the same prompt and reference, from the same place, by other seeds; of a re-directed take,
    the part that is new. Takes along a path keep to it"""

    bl_idname = "dollygrip.more_like_this"
    bl_label = "More like This"
    task = PredictCamera

    count: IntProperty(name="Takes", default=2, soft_min=1, soft_max=8)

    @classmethod
    def poll(cls, context):
        return super().poll(context) and super(Job, cls).poll(context)

    def tasks(self, context):
        shot = takes.find_camera(context.scene)
        take = self.action(shot)
        made_from = takes.provenance(take)
        kind = Redirect if "range" in made_from else AlongPath if "path" in made_from else PredictCamera
        return [kind.like(context, shot, take, self.count)]


class DOLLYGRIP_OT_redirect(Job, bpy.types.Operator):
    """Predict a part of the shot anew, as a new take: from the first to the last selected key of the camera, else the
    preview range, else First to Last. Frames outside stay as they are"""

    bl_idname = "dollygrip.redirect"
    bl_label = "Re-direct"
    task = Redirect

    @classmethod
    def poll(cls, context):
        return super().poll(context) and rigs.has_camera(cls, context)


class DOLLYGRIP_OT_lock_keys(bpy.types.Operator):
    """Mark the camera's selected keys as poses that a new direction must hit, by the keyframe type Extreme"""

    bl_idname = "dollygrip.lock_keys"
    bl_label = "Lock Selected Keys"
    bl_options = {"REGISTER", "UNDO"}

    locked: BoolProperty(name="Locked", default=True)

    @classmethod
    def poll(cls, context):
        return rigs.has_camera(cls, context)

    def execute(self, context):
        frames = parts.lock(parts.pose_curves(context.scene.camera), self.locked)
        if not frames:
            self.report({"ERROR"}, "No key of the camera is selected. Select keys in the Timeline or the Dope Sheet.")
            return {"CANCELLED"}
        self.report({"INFO"}, f"Keys on {frames} frames are {'locked' if self.locked else 'free'}.")
        return {"FINISHED"}


class DOLLYGRIP_OT_predict_along_path(Job, bpy.types.Operator):
    """Predict a camera that moves along the drawn path; the prompt says where it looks, and how fast it goes when"""

    bl_idname = "dollygrip.predict_along_path"
    bl_label = "Predict along Path"
    task = AlongPath

    @classmethod
    def poll(cls, context):
        if not super().poll(context):
            return False
        path = context.scene.dollygrip.brief.direct.path
        if path is None:
            cls.poll_message_set("No path is chosen: choose a curve or a Grease Pencil drawing")
        return path is not None

    def tasks(self, context):
        if context.mode != "OBJECT" and context.object == context.scene.dollygrip.brief.direct.path:
            bpy.ops.object.mode_set(mode="OBJECT")  # it is drawn: takes would wait for the end of drawing
        return super().tasks(context)


register, unregister = bpy.utils.register_classes_factory(
    (
        DOLLYGRIP_OT_predict_camera,
        DOLLYGRIP_OT_more_like_this,
        DOLLYGRIP_OT_redirect,
        DOLLYGRIP_OT_lock_keys,
        DOLLYGRIP_OT_predict_along_path,
    )
)
