"""Operators on shots and their takes. Each is one step of undo."""

import bpy
from bpy.props import IntProperty

from dollygrip.errors import DollygripError, InputError

from .. import brief, linked
from ..rigs import rigs
from ..takes import copies, takes
from . import shots


class OnShot:
    """An operator on the shot that is shown. `act` may raise DollygripError; what it returns is said to the user."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        return shots.has_any(cls, context) and linked.is_own(cls, context)

    def execute(self, context):
        try:
            said = self.act(context, takes.find_camera(context.scene))
        except DollygripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if said:
            self.report({"INFO"}, said)
        return {"FINISHED"}


class OnTake(OnShot):
    """An operator on a take of that shot."""

    index: IntProperty(name="Take", default=-1, description="Place in the list; -1: the take that is shown")

    @classmethod
    def poll(cls, context):
        shot = takes.find_camera(context.scene)
        if shot and not shot.dollygrip_shot.takes:
            cls.poll_message_set(f"{shot.name} has no takes yet: predict or load a camera")
            return False
        return super().poll(context)

    def at(self, shot: bpy.types.Object) -> tuple[int, bpy.types.Action | None]:
        """Place in the list and Action; raises InputError where there is none, or a linked shot's cannot be changed.

        The Action may have been deleted.
        """
        takes.check_own(shot)
        copies.own_copy(shot)
        state = shot.dollygrip_shot
        index = state.take_index if self.index < 0 else self.index
        if not 0 <= index < len(state.takes):
            said = f"{shot.name} has no take {index + 1}." if state.takes else f"{shot.name} has no takes."
            raise InputError(said, "Choose a take in the list.")
        return index, state.takes[index].action

    def action(self, shot: bpy.types.Object) -> bpy.types.Action:
        """As `at`, for a take whose Action is there."""
        _, action = self.at(shot)
        if not takes.is_take(action):
            raise InputError("The Action of this take was deleted.", "Take it off the list, or undo.")
        return action


class DOLLYGRIP_OT_duplicate_take(OnTake, bpy.types.Operator):
    """Copy the take, to edit the copy"""

    bl_idname = "dollygrip.duplicate_take"
    bl_label = "Duplicate Take"

    def act(self, _context, shot):
        takes.enlist(shot, copies.duplicate(shot, self.action(shot)))


class DOLLYGRIP_OT_delete_take(OnTake, bpy.types.Operator):
    """Delete the take; its Action stays where something else uses it. Rendered strips stay, with their cameras"""

    bl_idname = "dollygrip.delete_take"
    bl_label = "Delete Take"

    def act(self, _context, shot):
        takes.remove(shot, self.at(shot)[0])


class DOLLYGRIP_OT_list_takes(OnShot, bpy.types.Operator):
    """Give this shot the takes that no shot lists: appended without a camera, or left by a deleted one"""

    bl_idname = "dollygrip.list_takes"
    bl_label = "List Them Here"

    def act(self, _context, shot):
        takes.check_own(shot)
        found = takes.unlisted()
        for action in found:
            takes.enlist(shot, action)
        return "1 take was listed." if len(found) == 1 else f"{len(found)} takes were listed."


class DOLLYGRIP_OT_slide_take(OnTake, bpy.types.Operator):
    """Move the take in time so that it begins where the timeline cuts to its shot"""

    bl_idname = "dollygrip.slide_take"
    bl_label = "Move to the Cut"

    def act(self, context, shot):
        shots.slide(self.action(shot), shots.first_frame(context.scene, shot))


class DOLLYGRIP_OT_fit_to_keys(OnTake, bpy.types.Operator):
    """Let the take run from its first key to its last, as after its keys were moved in time"""

    bl_idname = "dollygrip.fit_to_keys"
    bl_label = "Fit Range to Keys"

    def act(self, _context, shot):
        action = self.action(shot)
        action.frame_start, action.frame_end = takes.keys_outside(action) or takes.frame_range(action)


class DOLLYGRIP_OT_new_shot(bpy.types.Operator):
    """Add a shot: a camera with a prompt and a list of takes of its own. The next prediction goes there. Until then it
    sees what the scene's camera sees"""

    bl_idname = "dollygrip.new_shot"
    bl_label = "New Shot"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        return linked.is_own(cls, context)

    def execute(self, context):
        scene = context.scene
        beside, seen_by = takes.find_camera(scene) is not None, scene.camera
        shot = takes.new_camera(scene, but=brief.STAYS if beside else ())
        shots.stand(scene, shot, seen_by)
        shots.show(scene, shot)
        return {"FINISHED"}


class DOLLYGRIP_OT_bind_shot(OnShot, bpy.types.Operator):
    """Cut to this shot at the playhead, by a camera marker; the shot's frames follow its markers"""

    bl_idname = "dollygrip.bind_shot"
    bl_label = "Cut Here"

    def act(self, context, shot):
        return shots.bind(context.scene, shot, context.scene.frame_current)


class DOLLYGRIP_OT_unbind_shot(OnShot, bpy.types.Operator):
    """Free the shot from its camera markers"""

    bl_idname = "dollygrip.unbind_shot"
    bl_label = "Remove Cuts"

    def act(self, context, shot):
        shots.unbind(context.scene, shot)


class DOLLYGRIP_OT_fit_range(bpy.types.Operator):
    """Set the scene's frame range to that of the take"""

    bl_idname = "dollygrip.fit_range"
    bl_label = "Use as Range"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        return rigs.shows_take(cls, context)

    def execute(self, context):
        scene = context.scene
        scene.frame_start, scene.frame_end = takes.frame_range(takes.shown(scene.camera))
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        DOLLYGRIP_OT_duplicate_take,
        DOLLYGRIP_OT_delete_take,
        DOLLYGRIP_OT_list_takes,
        DOLLYGRIP_OT_slide_take,
        DOLLYGRIP_OT_fit_to_keys,
        DOLLYGRIP_OT_new_shot,
        DOLLYGRIP_OT_bind_shot,
        DOLLYGRIP_OT_unbind_shot,
        DOLLYGRIP_OT_fit_range,
    )
)
