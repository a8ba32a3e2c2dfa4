"""Takes, shots, undo and redo in any order: hypothesis finds the order that loses something."""

import bpy
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.shots import shots
from bl_ext.user_default.dollygrip.takes import takes
from blender.trucked_takes import add_take, empty_blender, orphans
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test


class Desk(RuleBasedStateMachine):
    """An animator's operators in any order, with undo and redo in between, against a list of what should be there."""

    @initialize()
    def open(self):
        empty_blender()
        self.metres, self.past, self.future = 0, [], []
        self.push()

    def push(self):
        """One step of undo, and what the shots look like after it."""
        bpy.ops.ed.undo_push(message="step")
        self.past.append(self.seen())
        self.future = []

    def seen(self) -> dict:
        """Every shot's takes by how far they truck, which of them is shown, and the cuts, as Blender evaluates them."""
        scene = bpy.context.scene
        found = {}
        for shot in shots.of_scene(scene):
            reaches = [
                round(next(c for c in compat.take_curves(e.action) if c.data_path == "location").evaluate(1e5), 2)
                for e in shot.dollygrip_shot.takes
            ]
            stars = [e.star for e in shot.dollygrip_shot.takes]
            shown = takes.shown(shot)
            found[shot.name] = (reaches, stars, shown and shown.name, shots.spans(scene, shot))
        return found

    def act(self, name, **settings_):
        operator = getattr(bpy.ops.dollygrip, name)
        if operator.poll():
            try:
                operator(**settings_)
            except RuntimeError as refused:  # in one sentence, never a traceback
                assert "Traceback" not in str(refused), refused
        self.push()

    @rule()
    def predict(self):
        self.metres += 1
        add_take(bpy.context.scene, self.metres, reference=f"/pictures/{self.metres % 3}.png")
        self.push()

    @rule(
        name=st.sampled_from(["duplicate_take", "delete_take", "slide_take", "fit_to_keys"]), index=st.integers(-1, 4)
    )
    def on_take(self, name, index):
        self.act(name, index=index)

    @rule(name=st.sampled_from(["new_shot", "bind_shot", "unbind_shot", "list_takes", "fit_range", "forget_job"]))
    def on_shot(self, name):
        self.act(name)

    @rule(index=st.integers(-2, 5), frame=st.integers(1, 30), star=st.booleans())
    def choose(self, index, frame, star):
        scene = bpy.context.scene
        scene.dollygrip.shot_index = index
        scene.frame_set(frame)
        scene.dollygrip.take_index = index
        if 0 <= index < len(scene.dollygrip.take_list):
            scene.dollygrip.take_list[index].star = star
        self.push()

    @rule(steps=st.integers(1, 4))
    def undo(self, steps):
        for _ in range(min(steps, len(self.past) - 1)):
            bpy.ops.ed.undo()
            self.future.append(self.past.pop())

    @rule(steps=st.integers(1, 4))
    def redo(self, steps):
        for _ in range(min(steps, len(self.future))):
            bpy.ops.ed.redo()
            self.past.append(self.future.pop())

    @invariant()
    def nothing_is_lost_or_left(self):
        if not hasattr(self, "past"):
            return
        assert self.seen() == self.past[-1], "undo and redo bring back what was there"
        assert not orphans() and not takes.unlisted()
        for shot in shots.of_scene(bpy.context.scene):
            entries = shot.dollygrip_shot.takes
            assert all(takes.is_take(e.action) and e.action.use_fake_user for e in entries)
            if entries:
                assert takes.shown(shot) == entries[shot.dollygrip_shot.take_index].action


def test_two_hundred_random_steps_lose_nothing():
    run_state_machine_as_test(
        Desk,
        settings=settings(
            max_examples=4,
            stateful_step_count=60,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
