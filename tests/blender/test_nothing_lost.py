"""Nothing is lost: all operators in any order, the animator's own edits, undo, redo, saving and opening in between.

The scripted backend's take number k of a prediction trucks right by k + 1 metres.

Every operator of the extension is pressed. What needs a window is left to tests/gui: the file selectors of Load and
Save, clicking the subject in the picture (here its point is given), capturing the camera's view or the sequencer as a
viewport draws them (here they refuse in a sentence, or render), the preferences, jobs on Blender's timer (here they
are pumped), and the collision operators' slices on a timer (here they run in one go).
"""

import inspect
import json
import random
import shutil
import time
from pathlib import Path

import addon_utils
import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.direct import parts
from bl_ext.user_default.dollygrip.direct.predict import PredictCamera
from bl_ext.user_default.dollygrip.live.live import live
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.rigs import physics, rigs
from bl_ext.user_default.dollygrip.shots import shots
from bl_ext.user_default.dollygrip.takes import takes
from blender.desk_state import ids, left_over, names, rendered, seen
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dollygrip.errors import DollygripError

FRAMES = 12
UNDO_STEPS = 40


def open_desk(project: Path) -> None:
    """A new file in its folder, with the animator's own things: a drawn path, a post, a vehicle, a camera with keys."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    addon_utils.enable("bl_ext.user_default.dollygrip")
    bpy.context.preferences.edit.undo_steps = UNDO_STEPS
    bpy.ops.wm.save_as_mainfile(filepath=str(project / "film.blend"))
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 128, 72
    scene.frame_end = FRAMES
    bpy.ops.mesh.primitive_cube_add(size=0.3, location=(0.5, 0, 1.6))
    bpy.context.object.name = "Post"
    bpy.ops.curve.primitive_bezier_curve_add(location=(0, 2, 1))
    scene.dollygrip.brief.direct.path = bpy.context.object
    bpy.ops.object.empty_add(location=(1, 0, 0))
    bpy.context.object.name = "Vehicle"
    bpy.ops.object.camera_add(location=(0, -3, 2), rotation=(1.4, 0, 0))
    bpy.context.object.name = "Own"
    for frame in (1, FRAMES):
        bpy.context.object.location.x = frame / FRAMES
        bpy.context.object.keyframe_insert("location", frame=frame)
    paint = bpy.data.images.new("Paint", 64, 36)
    paint.use_fake_user = True
    brief = scene.dollygrip.brief
    brief.reference, brief.frame_count, brief.prompt = "//reference.png", FRAMES, "go"


@pytest.fixture
def project(scene, scripted_backend, picture_path, tmp_path) -> Path:
    """A folder with two references, and a scripted backend that runs."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(picture_path, folder / "reference.png")
    picture.write_png(folder / "other.png", 255 - picture.read_picture(str(picture_path)))
    return folder


class Desk:
    """An animator who does anything, and what is checked after each step. `done` tells what they did."""

    def __init__(self, project: Path, dice: random.Random):
        open_desk(project)
        self.project, self.dice, self.done = project, dice, []
        self.own, self.past, self.future = names(), [], []
        self.push()

    def step(self):
        weights = [3 if name in OFTEN else 1 for name in STEPS]
        [name] = self.dice.choices(STEPS, weights)
        self.done.append(name)
        getattr(self, name)()
        self.check()

    def check(self):
        done = "\n".join(self.done)
        assert seen() == self.past[-1], f"undo and redo bring back what was there:\n{done}"
        assert not left_over(self.own), done
        for shot in shots.of_scene(bpy.context.scene):
            entries = shot.dollygrip_shot.takes
            assert all(takes.is_take(e.action) and e.action.use_fake_user for e in entries), done
            if entries:
                assert takes.shown(shot) == entries[shot.dollygrip_shot.take_index].action, done

    def push(self):
        bpy.ops.ed.undo_push(message="step")
        self.past = [*self.past, seen()][-UNDO_STEPS + 2 :]
        self.future = []

    def act(self, name, lost=frozenset(), **options):
        """Press a button: it may be grey or refuse with a sentence, but loses no take but those that it should."""
        operator, before = getattr(bpy.ops.dollygrip, name), ids()
        self.done[-1] += f" {name} {options}"
        if operator.poll():
            try:
                operator(**options)
            except RuntimeError as refused:
                assert "Traceback" not in str(refused), f"{refused} {self.done}"
        assert before - ids() <= lost, f"a take is lost: {self.done}"
        self.push()

    def shown(self):
        return takes.shown(bpy.context.scene.camera)

    def predict(self):
        state, pick = bpy.context.scene.dollygrip, self.dice.choice
        state.brief.prompt, state.brief.takes = pick(["go", "go", "away", "fail=1"]), pick([1, 2])
        state.brief.reference = pick(["//reference.png", "//reference.png", "//other.png", "//gone.png"])
        state.brief.start = pick([None, bpy.data.objects["Own"]])
        self.act(pick(["predict_camera", "predict_camera", "predict_along_path"]))

    def more_like_this(self):
        self.act("more_like_this", count=self.dice.randint(1, 2), index=self.dice.randint(-1, 2))

    def cancel(self):
        """A job as the interface starts it, cancelled while it runs or as it ends."""
        scene, before = bpy.context.scene, ids()
        scene.dollygrip.brief.prompt, scene.dollygrip.brief.takes = self.dice.choice(["go", "sleep=0.05"]), 2
        scene.dollygrip.brief.reference, scene.dollygrip.brief.start = "//reference.png", None
        scene.dollygrip.brief.subject_kind = "AUTO"
        kind = self.dice.choice([PredictCamera.of, lambda context: RenderShot.of(context, None, (1, 4))])
        try:
            session.start(kind(bpy.context), "")
        except DollygripError:
            return self.push()
        for _ in range(self.dice.randint(0, 30)):
            session.pump()
            time.sleep(0.01)
        if bpy.ops.dollygrip.cancel_job.poll():
            bpy.ops.dollygrip.cancel_job()
        self.pump()
        assert before <= ids(), self.done
        self.push()

    def pump(self):
        deadline = time.monotonic() + 60
        while session.active:
            assert time.monotonic() < deadline, self.done
            session.pump()
            time.sleep(0.005)

    def resume(self):
        """Shots that waited when the file was saved; a job that the backend does not know."""
        scene = bpy.context.scene
        if scene.camera:
            scene.dollygrip.waiting = json.dumps([[scene.camera.name, 1, self.dice.randint(1, 3)]])
        if self.dice.random() < 0.3:
            scene.dollygrip.job = json.dumps({"job": "gone", "folder": "//nowhere"})
        self.act(self.dice.choice(["resume_job", "resume_job", "forget_job"]))
        bpy.context.scene.dollygrip.job = bpy.context.scene.dollygrip.waiting = ""
        self.push()

    def start_backend(self):
        self.act("start_backend")

    def pick_subject(self):
        state, pick = bpy.context.scene.dollygrip, self.dice.choice
        state.brief.subject_object = pick([None, bpy.data.objects["Post"]])
        state.brief.subject_kind = pick(["AUTO", "OBJECT"])
        self.act("pick_subject", point=(self.dice.uniform(-0.1, 1.1), 0.5))

    def edit_list(self):
        self.act(self.dice.choice(["duplicate_take", "slide_take", "fit_to_keys"]), index=self.dice.randint(-1, 4))

    def delete_take(self):
        shot, index = takes.find_camera(bpy.context.scene), self.dice.randint(-1, 4)
        entries = shot.dollygrip_shot.takes if shot else ()
        place = index if index >= 0 or not shot else shot.dollygrip_shot.take_index
        gone = {takes.provenance(entries[place].action)["id"]} if 0 <= place < len(entries) else set()
        self.act("delete_take", lost=gone, index=index)

    def edit_shots(self):
        names = ["new_shot", "bind_shot", "bind_shot", "unbind_shot", "list_takes", "fit_range", "forget_job"]
        self.act(self.dice.choice(names))

    def choose(self):
        scene, dice = bpy.context.scene, self.dice
        scene.dollygrip.shot_index = dice.randint(-2, 9)
        scene.frame_set(dice.randint(1, 30))
        scene.dollygrip.take_index = take = dice.randint(-2, 4)
        if 0 <= take < len(scene.dollygrip.take_list):
            entry = scene.dollygrip.take_list[take]
            entry.star, entry.action.name = not entry.star, f"renamed {take}"
        self.push()

    def set_rig(self):
        self.act("set_rig", kind=self.dice.choice([rigs.PLAIN, rigs.PATH, rigs.PATH, rigs.AIM, rigs.AIM]))

    def refit(self):
        rotation = self.dice.choice(["KEEP", "XYZ", "QUATERNION"])
        self.act("refit", rotation=rotation, position=self.dice.choice([0.05, 0.2, 2.0]))

    def support(self):
        self.act("apply_physics", rig=self.dice.choice(["tripod", "dolly", "steadicam", "drone"]))

    def handheld(self):
        if self.dice.random() < 0.6:
            self.act("add_handheld", seed=self.dice.randint(0, 3))
        else:
            self.act("remove_handheld")

    def collide(self):
        self.act(self.dice.choice(["check_collisions", "fix_collisions"]))

    def redirect(self):
        scene = bpy.context.scene
        if self.dice.random() < 0.3:
            scene.camera = bpy.data.objects["Own"]
        state = scene.dollygrip.brief.direct
        state.first = self.dice.randint(1, 8)
        state.prompt, state.last = "go", state.first + self.dice.randint(1, 8)
        self.act("redirect")

    def lock(self):
        camera, key = bpy.context.scene.camera, self.dice.randint(0, 2)
        for curve in parts.pose_curves(camera) if camera else ():
            for i, point in enumerate(curve.keyframe_points):
                point.select_control_point = i == key
        self.act("lock_keys", locked=self.dice.random() < 0.7)

    def set_proxy(self):
        self.act(self.dice.choice(["build_set_proxy", "build_set_proxy", "remove_set_proxy"]))

    def capture(self):
        self.act(
            "capture_reference", source=self.dice.choice(["IMAGE", "RENDER", "SEQUENCER", "CAMERA"]), image="Paint"
        )
        if self.dice.random() < 0.3:
            self.act("match_picture")

    def render(self):
        if self.dice.random() < 0.5:
            self.act("render_shot")
        else:
            self.act("render_shots", which="ALL")

    def from_strip(self):
        if strips := rendered(bpy.context.scene):
            bpy.context.scene.sequence_editor.active_strip = self.dice.choice(strips)
        self.act(self.dice.choice(["open_take", "open_take", "measure_camera", "show_true_colours"]))

    def to_file_and_back(self):
        path = str(self.project / self.dice.choice(["take.camera.json", "poses.txt", "take.usda"]))
        self.act("save_take", filepath=path)
        self.act("load_take", filepath=path)

    def models(self):
        """Nothing is fetched without online access, and there is no window for the preferences."""
        bpy.context.preferences.system.use_online_access = False
        fetching = ["fetch_model", "accept_model", "cancel_fetch", "set_up_backend", "cancel_set_up"]
        self.act(self.dice.choice([*fetching, "show_models"]))

    def live_direction(self):
        """A preview, kept as a take; nothing of it stays where there is none."""
        bpy.context.window_manager.dollygrip_live = True
        deadline = time.monotonic() + 20
        while not (live.preview or live.said) and time.monotonic() < deadline:
            live.tick()
            time.sleep(0.01)
        self.act("keep_live")
        bpy.context.window_manager.dollygrip_live = False

    def edit_keys(self):
        """The animator's own hand: keys moved, inserted, deleted."""
        take, frame = self.shown(), self.dice.randint(1, FRAMES)
        curves = [c for c in compat.take_curves(take) if len(c.keyframe_points) > 1] if take else []
        if curves:
            curve = self.dice.choice(curves)
            curve.keyframe_points[-1].co.y += self.dice.uniform(-1, 1)
            if self.dice.random() < 0.3:
                curve.keyframe_points.remove(curve.keyframe_points[0])
            curve.update()
            bpy.context.scene.camera.keyframe_insert("location", frame=frame)
        self.push()

    def parent(self):
        if camera := bpy.context.scene.camera:
            camera.parent = self.dice.choice([None, bpy.data.objects["Vehicle"]])
        self.push()

    def delete_camera(self):
        """Its takes stay in the file, for List Them Here."""
        before, shot = ids(), takes.find_camera(bpy.context.scene)
        if shot and shot.name != "Own" and not physics.handheld_of(shot):
            bpy.data.batch_remove([shot, shot.data])
        assert ids() == before
        self.push()

    def save_and_open(self):
        before = seen()
        bpy.ops.wm.save_mainfile()
        bpy.ops.wm.open_mainfile(filepath=str(self.project / "film.blend"))
        assert seen() == before, f"what was saved is opened: {self.done}"
        self.past, self.future = [], []
        self.push()

    def undo(self):
        for _ in range(min(self.dice.randint(1, 5), len(self.past) - 1)):
            bpy.ops.ed.undo()
            self.future.append(self.past.pop())

    def redo(self):
        for _ in range(min(self.dice.randint(1, 5), len(self.future))):
            bpy.ops.ed.redo()
            self.past.append(self.future.pop())


STEPS = [
    name
    for name in vars(Desk)
    if not name.startswith("_") and name not in {"step", "check", "push", "act", "shown", "pump"}
]
OFTEN = {"predict", "choose", "set_rig", "redirect", "edit_keys", "undo", "redo"}


def test_every_operator_is_pressed():
    pressed = inspect.getsource(Desk)
    assert not [name for name in dir(bpy.ops.dollygrip) if f'"{name}"' not in pressed and f".{name}(" not in pressed]


@settings(
    max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None
)
@given(seed=st.integers(0, 2**32))
def test_two_hundred_random_steps_lose_nothing(project, seed):
    """Four animators of fifty steps each."""
    desk = Desk(project, random.Random(seed))
    for _ in range(50):
        desk.step()


def test_five_hundred_undo_and_redo_steps(project):
    """Back and forth over steps of every feature, against what was there."""
    open_desk(project)
    scene, ops = bpy.context.scene, bpy.ops.dollygrip
    bpy.ops.ed.undo_push(message="open")
    there = [seen()]
    for step in (
        ops.predict_camera,
        lambda: ops.set_rig(kind=rigs.PATH),
        ops.duplicate_take,
        ops.bind_shot,
        lambda: ops.set_rig(kind=rigs.AIM),
        ops.add_handheld,
        ops.build_set_proxy,
        ops.render_shot,
        lambda: ops.set_rig(kind=rigs.PLAIN),
        lambda: ops.refit(rotation="QUATERNION"),
        ops.predict_along_path,
        ops.new_shot,
        lambda: ops.more_like_this(count=2) if ops.more_like_this.poll() and scene.dollygrip.take_list else None,
        ops.predict_camera,
        lambda: ops.apply_physics(rig="drone"),
        ops.fix_collisions,
        ops.unbind_shot,
        ops.remove_handheld,
        lambda: ops.delete_take(index=0),
    ):
        step()
        bpy.ops.ed.undo_push(message="step")
        there.append(seen())
    at, dice = len(there) - 1, random.Random(5)
    for _ in range(500):
        back = at > 0 and (at == len(there) - 1 or dice.random() < 0.5)
        (bpy.ops.ed.undo if back else bpy.ops.ed.redo)()
        at += -1 if back else 1
        assert seen() == there[at]
    assert np.ptp([len(state["takes"]) for state in there]) >= 4
