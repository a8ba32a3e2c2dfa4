"""Live direction in Blender against a real server whose worker follows a script in the prompt."""

import signal
import sqlite3
import time

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip.camera import camera
from bl_ext.user_default.dollygrip.live.live import live
from bl_ext.user_default.dollygrip.live.overlay import overlay
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.takes import takes

from dollygrip.live import TICK


@pytest.fixture
def ready(ready):
    """Live direction is off before and after."""
    yield ready
    live.stop()


def turn(on: bool) -> None:
    bpy.context.window_manager.dollygrip_live = on


def tick_until(condition, timeout=30.0):
    """What Blender's timer does."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited too long; {live.said}"
        live.tick()
        time.sleep(TICK)


def shown_prompt() -> str:
    return live.preview.trajectory.meta["prompt"] if live.preview else ""


def contents() -> dict[str, int]:
    kinds = ("objects", "cameras", "actions", "images", "scenes")
    return {kind: len(getattr(bpy.data, kind)) for kind in kinds}


def jobs(backend) -> list[str]:
    with sqlite3.connect(backend.home / "jobs.sqlite") as store:
        return [row[0] for row in store.execute("SELECT state FROM jobs ORDER BY number")]


def test_the_path_follows_the_prompt_and_nothing_is_kept(ready, scripted_backend):
    """Key by key; what is shown in the end is the last, and the file knows nothing of it."""
    before = contents()
    turn(True)
    seen = []
    for end in range(2, 9):
        ready.dollygrip.brief.prompt = "go on left"[:end]
        for _ in range(4):
            live.tick()
            time.sleep(TICK)
        seen.append(shown_prompt())
    ready.dollygrip.brief.prompt = "go on left"
    tick_until(lambda: shown_prompt() == "go on left" and not live.waiting)
    lengths = [len(prompt) for prompt in seen]
    assert lengths == sorted(lengths), "never back to an older prompt"
    assert contents() == before and not ready.dollygrip.take_list and ready.camera is None
    assert not ready.dollygrip.job and not ready.dollygrip.error
    assert len(jobs(scripted_backend)) <= 8


def test_a_scene_that_is_renamed_is_followed_on(ready):
    turn(True)
    ready.dollygrip.brief.prompt = "go"
    tick_until(lambda: shown_prompt() == "go")
    ready.name, ready.dollygrip.brief.prompt = "Act 2", "go on"
    tick_until(lambda: shown_prompt() == "go on")


def test_another_scene_neither_shows_nor_keeps_the_path(ready):
    turn(True)
    ready.dollygrip.brief.prompt = "go"
    tick_until(lambda: shown_prompt() == "go")
    other = bpy.data.scenes.new("Other")
    bpy.context.window.scene = other
    live.tick()
    assert bpy.context.window_manager.dollygrip_live_line.startswith("Live follows another scene.")
    assert not live.follows(other) and not bpy.ops.dollygrip.keep_live.poll()
    bpy.context.window.scene = ready
    bpy.data.scenes.remove(other)
    assert bpy.ops.dollygrip.keep_live() == {"FINISHED"} and len(ready.dollygrip.take_list) == 1


def test_live_goes_on_where_another_file_cannot_be_read_and_ends_where_one_is_opened(ready, tmp_path):
    turn(True)
    ready.dollygrip.brief.prompt = "go"
    tick_until(lambda: shown_prompt() == "go")
    (tmp_path / "damaged.blend").write_bytes(b"no file of Blender's")
    with pytest.raises(RuntimeError, match="damaged"):
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "damaged.blend"))
    assert live.preview_of(ready)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    assert not live.on and not live.preview


def test_live_ends_with_the_scene_that_it_follows(ready, tmp_path):
    turn(True)
    ready.dollygrip.brief.prompt = f"until={tmp_path / 'asked'}"
    live.tick()
    other = bpy.data.scenes.new("Other")
    bpy.context.window.scene = other
    bpy.data.scenes.remove(ready)
    (tmp_path / "asked").touch()
    assert live.tick() is None, "its timer ends"
    assert not live.on and not live.preview and not live.said
    turn(True)
    live.tick()
    assert live.follows(other)


def test_only_the_newest_is_asked_while_one_is_computed(ready, scripted_backend, tmp_path):
    all_asked = tmp_path / "asked"
    ready.dollygrip.brief.prompt = f"until={all_asked}"
    turn(True)
    tick_until(lambda: jobs(scripted_backend) == ["running"])
    for prompt in ("a", "ab", "abc", "abcd"):
        ready.dollygrip.brief.prompt = prompt
        live.tick()
    all_asked.touch()
    tick_until(lambda: shown_prompt() == "abcd")
    assert len(jobs(scripted_backend)) == 2


def test_strength_seed_and_length_are_followed_and_the_picture_is_read_once(ready, monkeypatch):
    reads = []
    module = "bl_ext.user_default.dollygrip.direct.predict.read_picture"
    monkeypatch.setattr(module, lambda path: reads.append(path) or picture.read_picture(path))
    turn(True)
    tick_until(lambda: shown_prompt() == "go")
    for name, value in (("strength", 0.5), ("seed", 4), ("frame_count", 20)):
        setattr(ready.dollygrip.brief, name, value)
        tick_until(lambda: live.preview and not live.waiting and live.tick() and not live.waiting)
    request = live.preview.task.request
    assert (request.strength, request.seed, request.frames) == (0.5, 4, 20) and len(live.preview.trajectory) == 20
    assert len(reads) == 1
    ready.dollygrip.brief.scene_depth = 9.0
    tick_until(lambda: live.preview.task.request.scene_depth == 9.0)
    assert len(reads) == 2, "what changes the view is read again, once it rests"


def test_exact_depth_follows_the_geometry(ready):
    """A thing that moves, is added or goes is seen at once; what is not rendered, and other frames, ask nothing."""
    made = bpy.data.objects.new("Set Camera", bpy.data.cameras.new("Set Camera"))
    made.location, made.rotation_euler = (0, -6, 1), (1.5, 0, 0)
    ready.collection.objects.link(made)
    bpy.ops.mesh.primitive_cube_add(size=2)
    box = bpy.context.object
    bpy.ops.mesh.primitive_cube_add(size=0.1, location=(0, -3, 1))
    guide = bpy.context.object
    guide.hide_render = True
    unseen = guide.copy()
    unseen.hide_render = unseen.visible_camera = False
    ready.collection.objects.link(unseen)
    ready.camera, ready.dollygrip.brief.start, ready.dollygrip.brief.exact_depth = made, made, True
    turn(True)
    tick_until(lambda: live.preview)

    def nearest() -> float:
        return float(live.preview.task.arrays["depth"].min())

    def settles(change) -> None:
        change()
        bpy.context.view_layer.update()
        for _ in range(12):
            live.tick()
            time.sleep(TICK)

    assert nearest() == pytest.approx(5, abs=0.1)
    box.location.y = 1
    bpy.context.view_layer.update()
    tick_until(lambda: nearest() == pytest.approx(6, abs=0.1))
    tick_until(lambda: not live.waiting)
    asked = live.preview.task
    settles(lambda: setattr(guide, "location", (1, -3, 1)))
    settles(lambda: setattr(unseen, "location", (2, -3, 1)))
    settles(lambda: ready.frame_set(5))
    assert live.preview.task is asked and not live.waiting, "nothing to ask again for"
    settles(lambda: bpy.data.objects.remove(guide))
    bpy.ops.mesh.primitive_cube_add(size=1, location=(0, -2, 1))
    bpy.context.view_layer.update()
    tick_until(lambda: nearest() == pytest.approx(3.5, abs=0.1))


def test_keep_makes_the_take_that_predict_makes(ready):
    """Curves, dense camera and provenance but for the job; one step, and the preview is gone."""
    ready.dollygrip.brief.seed, ready.dollygrip.brief.strength = 5, 0.8
    bpy.ops.dollygrip.predict_camera()
    predicted = ready.dollygrip.take_list[0].action
    turn(True)
    tick_until(lambda: shown_prompt() == "go")
    line = live.preview.shape.line.copy()
    assert bpy.ops.dollygrip.keep_live() == {"FINISHED"}
    assert live.preview is None and not bpy.ops.dollygrip.keep_live.poll()
    kept = ready.dollygrip.take_list[1].action
    assert takes.shown(ready.camera) == kept
    same = [{k: v for k, v in takes.provenance(a).items() if k not in ("job", "id")} for a in (predicted, kept)]
    assert same[0] == same[1]
    assert np.array_equal(takes.dense(kept).c2w, takes.dense(predicted).c2w)
    first, last = takes.frame_range(kept)
    seen = camera.sample(bpy.context, first, last, ready.camera)
    tolerance = 2 * camera.POSITION_TOLERANCE * takes.scene_depth(kept)
    metres = line @ np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # Blender's axes to OpenCV's
    assert np.abs(seen.positions - metres).max() < tolerance, "the path that was shown"
    live.tick()
    assert live.preview is None and not live.waiting, "nothing new was asked for"


def test_what_cannot_be_kept_is_said_and_stays(ready):
    bpy.ops.dollygrip.predict_camera()
    turn(True)
    tick_until(lambda: shown_prompt() == "go")
    crane = bpy.data.objects.new("Crane", None)
    ready.collection.objects.link(crane)
    ready.camera.parent, crane.scale = crane, (0, 0, 0)
    before = contents()
    with pytest.raises(RuntimeError, match="is scaled to nothing on frame 1"):
        bpy.ops.dollygrip.keep_live()
    assert live.preview and contents() == before and len(ready.dollygrip.take_list) == 1
    crane.scale = (1, 1, 1)
    assert bpy.ops.dollygrip.keep_live() == {"FINISHED"} and not live.preview


def test_the_preview_lies_where_its_take_will(ready):
    """Under the shot's parent too, seen by the take's own lens."""
    bpy.ops.dollygrip.predict_camera()
    vehicle = bpy.data.objects.new("Vehicle", None)
    ready.collection.objects.link(vehicle)
    vehicle.location, vehicle.rotation_euler = (3, 4, 5), (0.1, 0.2, 0.3)
    ready.camera.parent = vehicle
    bpy.context.view_layer.update()
    turn(True)
    tick_until(lambda: live.preview)
    shape = live.preview.shape
    bpy.ops.dollygrip.keep_live()
    overlay.touch()
    overlay.refresh(ready)
    kept = overlay.view.shown
    assert np.abs(kept.line - shape.line).max() < 0.02
    assert np.allclose(kept.sampled.corners[0], shape.sampled.corners[0], atol=1e-4), "corner for corner"
    assert kept.size == pytest.approx(shape.size, rel=0.05)


def test_undo_knows_nothing_of_previews(ready):
    bpy.ops.ed.undo_push(message="before")
    ready.dollygrip.brief.prompt = "one"
    bpy.ops.ed.undo_push(message="typed")
    turn(True)
    for prompt in ("two", "three"):
        bpy.context.scene.dollygrip.brief.prompt = prompt
        tick_until(lambda prompt=prompt: shown_prompt() == prompt)
    bpy.ops.dollygrip.keep_live()
    bpy.ops.ed.undo_push(message="kept")  # what Blender does after an operator that is pressed
    assert len(bpy.context.scene.dollygrip.take_list) == 1
    bpy.ops.ed.undo()
    assert bpy.context.scene.dollygrip.brief.prompt == "one" and not bpy.context.scene.dollygrip.take_list
    assert live.on, "undo leaves it on, and it follows"
    tick_until(lambda: shown_prompt() == "one")


def test_what_is_typed_takes_the_place_of_what_was_wrong(ready, tmp_path):
    manager = bpy.context.window_manager
    ready.dollygrip.brief.prompt = ""
    assert not manager.dollygrip_live_line
    turn(True)
    live.tick()
    assert manager.dollygrip_live_line == "The prompt is empty."
    ready.dollygrip.brief.prompt = f"until={tmp_path / 'asked'}"
    live.tick()
    assert not live.said and manager.dollygrip_live_line.endswith("…"), "it predicts"
    (tmp_path / "asked").touch()
    tick_until(lambda: live.preview)


def test_half_typed_prompts_are_a_quiet_line(ready):
    """No report, no error in the panel of predictions; the last path stays until there is a better one."""
    turn(True)
    tick_until(lambda: shown_prompt() == "go")
    for prompt, said in (("fail=0", "The scripted job fails."), ("  ", "The prompt is empty.")):
        ready.dollygrip.brief.prompt = prompt
        tick_until(lambda said=said: live.said == said)
        assert shown_prompt() == "go" and not ready.dollygrip.error
    ready.dollygrip.brief.prompt = "go left"
    tick_until(lambda: shown_prompt() == "go left")
    assert not live.said


def test_a_missing_picture_is_said_and_found_again(ready, picture_path):
    ready.dollygrip.brief.reference = "//nowhere.png"
    turn(True)
    live.tick()
    assert "does not exist" in live.said and live.preview is None
    ready.dollygrip.brief.reference = str(picture_path)
    tick_until(lambda: shown_prompt() == "go")


def test_a_lost_backend_is_said_once_and_followed_again_when_it_is_back(ready, scripted_backend, monkeypatch):
    turn(True)
    tick_until(lambda: shown_prompt() == "go")
    with monkeypatch.context() as patch:
        patch.setenv("DOLLYGRIP_BACKEND", "/nowhere/dollygrip")  # so that none is started in the lost one's place
        scripted_backend.stop(signal.SIGKILL)
        ready.dollygrip.brief.prompt = "left"
        tick_until(lambda: live.said)
        said = live.said
        for _ in range(10):
            live.tick()
            time.sleep(TICK)
    assert live.said == said and not live.waiting and not ready.dollygrip.error
    scripted_backend.start()
    ready.dollygrip.brief.prompt = "left again"
    tick_until(lambda: shown_prompt() == "left again")
    assert not live.said


def test_off_clears_and_a_new_file_is_off(ready, scripted_backend):
    turn(True)
    tick_until(lambda: live.preview)
    turn(False)
    assert live.preview is None and not bpy.context.window_manager.dollygrip_live and live.tick() is None
    ready.dollygrip.brief.prompt = "deaf=2"  # the job looks up from its work only then
    turn(True)
    tick_until(lambda: "running" in jobs(scripted_backend))
    turn(False)
    deadline = time.monotonic() + 20
    while "cancelled" not in jobs(scripted_backend):
        assert time.monotonic() < deadline, f"what is under way is cancelled: {jobs(scripted_backend)}"
        time.sleep(0.05)
    turn(True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    assert not live.on
