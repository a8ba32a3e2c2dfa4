"""What carries the camera: bounds of a real support applied to a take, and a handheld layer on top of any rig.

The layer is an empty with a little noise on its channels, which the camera adds to its own pose by a constraint at the
end of the stack, where it survives every rig and every take. The constraint's influence is the amount; the noise is
F-curve modifiers, open to the animator. Nothing is baked.
"""

from math import radians

import bpy
import numpy as np
from bpy.props import EnumProperty, FloatProperty, IntProperty

from dollygrip.conventions import blender_from_c2w, c2w_from_blender
from dollygrip.errors import DollygripError
from dollygrip.physics import RIGS, SWAY_DEGREES, SWAY_TRAVEL, Rig, constrain, excess
from dollygrip.rotations import angle_between
from dollygrip.trajectory import Trajectory

from .. import compat
from ..camera.camera import ANGLE_TOLERANCE, ASSUMED_DEPTH, POSITION_TOLERANCE, scene_fps
from ..takes import takes
from . import rigs

HANDHELD = "Dollygrip Handheld"
SAID = "dollygrip_physics"
_TOLERANCE = POSITION_TOLERANCE / 4, ANGLE_TOLERANCE / 4  # of new curves; a move that is changed by less stays
_SHARES = (1.0, 0.85, 0.7, 0.55)  # of a support's accelerations and jerks, until the curves keep its bounds …
_NEARLY = 1.05  # … but for this factor
_SPREAD = 0.124  # standard deviation of Blender's Noise modifier at strength 1 and depth 0

# Standard deviations at full amount, in scene depths and radians, and the seconds between turns of the noise. The hands
# tremble at 6 to 12 Hz, a tenth as far as the body sways.
_SWAY = {"location": SWAY_TRAVEL, "rotation_euler": tuple(map(radians, SWAY_DEGREES)), "every": 0.6}
_TREMOR = {
    "location": (0.0003, 0.0003, 0.0002),
    "rotation_euler": (radians(0.04), radians(0.04), radians(0.02)),
    "every": 0.06,
}


def apply(context: bpy.types.Context, camera: bpy.types.Object, rig: str) -> None:
    """Bring the take that the camera shows within what a rig of dollygrip.physics can do; SAID: what had to give way.

    The handheld layer, other constraints and modifiers are not touched and do not count.
    """
    action, unit = takes.shown(camera), context.scene.unit_settings.scale_length
    support, before, said = RIGS[rig], _moved(context, camera), []
    if _is_beyond(before, support):
        for share in _SHARES:
            after, said = constrain(before, support, share, takes.frame_range(action)[0])
            turn = not np.array_equal(after.rotations, before.rotations)
            said += rigs.rewrite(context, camera, blender_from_c2w(after.c2w, unit), turn, _TOLERANCE, smooth=True)
            left = {name: ratio for name, (ratio, _) in excess(_moved(context, camera), support).items()}
            worst = max((name for name in left if np.isfinite(left[name])), key=left.get, default=None)
            if worst is None or left[worst] <= _NEARLY:
                break
        else:
            said.append(f"Its curves still reach {left[worst]:.1f} times the {worst} of a {support.title.lower()}.")
    action[SAID] = said or [f"The camera already moves like a {support.title.lower()}."]


def _is_beyond(move: Trajectory, support: Rig) -> bool:
    """Whether what a support can do differs from a move by more than new curves may differ from that."""
    if max((ratio for ratio, _ in excess(move, support).values()), default=0.0) <= _NEARLY:
        return False
    nearest, _ = constrain(move, support)
    moved = np.linalg.norm(nearest.positions - move.positions, axis=1).max() / move.scene_depth
    turned = angle_between(nearest.rotations, move.rotations).max()
    return moved > _TOLERANCE[0] or turned > _TOLERANCE[1]


def _moved(context: bpy.types.Context, camera: bpy.types.Object) -> Trajectory:
    """The move of the take that a camera shows, by its rig alone; the lens is none."""
    c2w = c2w_from_blender(rigs.poses(context, camera, keys_only=True)[0], context.scene.unit_settings.scale_length)
    lens = np.tile([1.0, 1.0, 0.5, 0.5], (len(c2w), 1))
    return Trajectory(c2w, lens, (1, 1), scene_fps(context.scene), takes.scene_depth(takes.shown(camera)))


def handheld_of(camera: bpy.types.Object) -> bpy.types.Constraint | None:
    """The constraint that adds the handheld layer; its influence is the amount."""
    return camera.constraints.get(HANDHELD)


def ensure_handheld(context: bpy.types.Context, camera: bpy.types.Object, seed: int) -> bpy.types.Constraint:
    """The camera's handheld layer with this seed; what the animator changed of it but the seed stays."""
    layer = handheld_of(camera)
    if layer is None:
        layer = camera.constraints.new("COPY_TRANSFORMS")
        layer.name, layer.mix_mode, layer.influence = HANDHELD, "AFTER_SPLIT", 0.5
    if layer.target is None:
        layer.target = _shaking(context, camera)
    if layer.target.get("seed") != seed:
        phases = np.random.default_rng(seed)
        for curve in _curves(layer.target):
            for noise in (m for m in curve.modifiers if m.type == "NOISE"):
                noise.phase = phases.uniform(0, 1000)
        layer.target["seed"] = seed
    return layer


def remove_handheld(camera: bpy.types.Object) -> None:
    """Take the handheld layer off, with all that it added but what a copy of the camera uses; where there is none, do
    nothing."""
    layer = handheld_of(camera)
    if layer is None:
        return
    empty = layer.target
    camera.constraints.remove(layer)
    others = (handheld_of(thing) for thing in bpy.data.objects if thing.type == "CAMERA")
    if empty and not any(other and other.target == empty for other in others):
        bpy.data.batch_remove([data for data in (empty, empty.animation_data and empty.animation_data.action) if data])


def _shaking(context: bpy.types.Context, camera: bpy.types.Object) -> bpy.types.Object:
    take, scene = takes.shown(camera), context.scene
    depth = (takes.scene_depth(take) if take else ASSUMED_DEPTH) / scene.unit_settings.scale_length
    empty = bpy.data.objects.new(f"{camera.name} Handheld", None)
    empty.empty_display_size = 0.05 * depth
    camera.users_collection[0].objects.link(empty)
    curves = compat.animate_object(empty, empty.name)
    for path, unit in (("location", depth), ("rotation_euler", 1.0)):
        for index in range(3):
            curve = compat.new_fcurve(curves, path, index, "Handheld")
            curve.keyframe_points.insert(scene.frame_start, 0.0)  # without a key Blender ignores the modifiers
            for layer in (_SWAY, _TREMOR):
                noise = curve.modifiers.new("NOISE")
                noise.strength = layer[path][index] * unit / _SPREAD
                noise.scale = layer["every"] * scene_fps(scene)
    return empty


def _curves(empty: bpy.types.Object) -> list[bpy.types.FCurve]:
    action = empty.animation_data.action if empty.animation_data else None
    return list(compat.object_curves(action)) if action else []


class DOLLYGRIP_OT_apply_physics(bpy.types.Operator):
    """Bring the take within what a real camera support can do: its speed, its acceleration and its inertia"""

    bl_idname = "dollygrip.apply_physics"
    bl_label = "Move Like"
    bl_options = {"REGISTER", "UNDO"}

    rig: EnumProperty(name="Support", items=[(rig.name, rig.title, rig.why) for rig in RIGS.values()])

    @classmethod
    def poll(cls, context):
        return rigs.shows_take(cls, context)

    def execute(self, context):
        camera = context.scene.camera
        try:
            apply(context, camera, self.rig)
        except DollygripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, " ".join(takes.shown(camera)[SAID]))
        return {"FINISHED"}


class _Handheld:
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        return rigs.has_camera(cls, context)


class DOLLYGRIP_OT_add_handheld(_Handheld, bpy.types.Operator):
    """Let the camera be held by hand: a layer of noise that stays editable, over any rig"""

    bl_idname = "dollygrip.add_handheld"
    bl_label = "Add Handheld"

    seed: IntProperty(name="Seed", description="Another seed shakes in another way", soft_min=0)
    amount: FloatProperty(name="Amount", description="0 none, 1 restless", default=0.5, min=0.0, max=1.0)

    def execute(self, context):
        layer = ensure_handheld(context, context.scene.camera, self.seed)
        if self.properties.is_property_set("amount"):
            layer.influence = self.amount
        return {"FINISHED"}


class DOLLYGRIP_OT_remove_handheld(_Handheld, bpy.types.Operator):
    """Take the handheld layer off the camera"""

    bl_idname = "dollygrip.remove_handheld"
    bl_label = "Remove Handheld"

    def execute(self, context):
        remove_handheld(context.scene.camera)
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (DOLLYGRIP_OT_apply_physics, DOLLYGRIP_OT_add_handheld, DOLLYGRIP_OT_remove_handheld)
)
