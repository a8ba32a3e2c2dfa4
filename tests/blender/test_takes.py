"""Takes, shots and strips, by what Blender evaluates: switching, cutting, deleting, undoing, saving, appending, moving.

The scripted backend's take number k of a prediction trucks right by k + 1 metres, so that cameras tell takes apart.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.shots import shots, strips
from bl_ext.user_default.dollygrip.takes import takes
from blender.trucked_takes import add_take, empty_blender, orphans, pump_until_idle, trucked


@pytest.mark.parametrize("unit", [1.0, 0.01, 0.001])
def test_a_new_camera_sees_as_far_in_any_unit(scene, unit):
    """What stands 0.2 to 900 metres ahead is between its clipping planes, what is nearer or farther is not."""
    scene.unit_settings.scale_length = unit
    shot = takes.new_camera(scene)
    to_screen = np.array(shot.calc_matrix_camera(bpy.context.evaluated_depsgraph_get(), x=64, y=36))
    metres = np.array([0.05, 0.2, 5.0, 900.0, 1100.0])
    seen = to_screen @ np.array([[0.0, 0.0, -ahead / unit, 1.0] for ahead in metres]).T
    assert (np.abs(seen[2] / seen[3]) < 1).tolist() == [False, True, True, True, False]


def test_switching_shows_another_camera_and_is_undone(scene):
    add_take(scene, 1)
    add_take(scene, 2)
    bpy.ops.ed.undo_push(message="two takes")
    scene.dollygrip.take_index = 0
    bpy.ops.ed.undo_push(message="switch")
    assert trucked(scene, 5) == pytest.approx(1, abs=0.01)
    bpy.ops.ed.undo()
    scene = bpy.context.scene
    assert scene.dollygrip.take_index == 1 and trucked(scene, 5) == pytest.approx(2, abs=0.01)
    bpy.ops.ed.redo()
    assert trucked(bpy.context.scene, 5) == pytest.approx(1, abs=0.01)


def test_a_take_arrives_while_another_is_tweaked_in_the_nla_editor(scene):
    first = add_take(scene, 1)
    for owner in (scene.camera, scene.camera.data):
        data = owner.animation_data
        track, slot = data.nla_tracks.new(), getattr(data, "action_slot", None)
        strip = track.strips.new("take", 1, data.action)
        if slot:
            strip.action_slot = slot
        data.action, track.select = None, True
        data.use_tweak_mode = True
    assert takes.shown(scene.camera) == first
    second = add_take(scene, 3)
    assert takes.shown(scene.camera) == second and trucked(scene, 5) == pytest.approx(3, abs=0.01)
    scene.dollygrip.take_index = 0
    assert takes.shown(scene.camera) == first and trucked(scene, 5) == pytest.approx(1, abs=0.01)


def test_a_duplicate_is_edited_alone(scene):
    first = add_take(scene, 1)
    assert bpy.ops.dollygrip.duplicate_take() == {"FINISHED"}
    copy = takes.shown(scene.camera)
    assert (
        copy != first and copy.use_fake_user and takes.provenance(copy)["parent_take"] == takes.provenance(first)["id"]
    )
    x = next(c for c in compat.take_curves(copy) if (c.data_path, c.array_index) == ("location", 0))
    x.keyframe_points[-1].co.y = 7
    x.update()
    assert trucked(scene, 5) == pytest.approx(7)
    scene.dollygrip.take_index = 0
    assert trucked(scene, 5) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("by", "times", "said"), [(20, 1, "21 to 25"), (0, 2, "1 to 9"), (-3, 1, "-2 to 2"), (0, 0.5, "")]
)
def test_keys_that_were_moved_out_of_their_range_are_said_and_taken_in(scene, picture_path, by, times, said):
    """A part of a take may be without keys; no key goes unrendered without a word."""
    add_take(scene, 1)
    scene.dollygrip.brief.reference, scene.dollygrip.brief.prompt = str(picture_path), "truck"
    take = takes.shown(scene.camera)
    for curve in compat.take_curves(take):
        for point in curve.keyframe_points:
            point.co_ui.x = 1 + (point.co.x - 1) * times + by
        curve.update()
    notices = [notice for notice in RenderShot.of(bpy.context).notices if "Keys of" in notice]
    assert len(notices) == bool(said) and all(f"lie on {said}, out of its frames 1 to 5:" in each for each in notices)
    bpy.ops.dollygrip.fit_to_keys()
    first, last = takes.frame_range(take)
    assert f"{first} to {last}" == (said or "1 to 5") and not takes.keys_outside(take)
    assert trucked(scene, last) - trucked(scene, first) == pytest.approx(1, abs=0.01) or not said


def test_deleting_takes_everything_along_that_nothing_else_uses(scene, picture_path):
    for metres in (1, 2, 3):
        add_take(scene, metres, reference=str(picture_path))
    assert len(bpy.data.images) == 1, "takes share their reference"
    bpy.ops.dollygrip.delete_take(index=1)
    assert len(bpy.data.actions) == 2 and trucked(scene, 5) == pytest.approx(3, abs=0.01)
    bpy.ops.dollygrip.delete_take()
    assert trucked(scene, 5) == pytest.approx(1, abs=0.01), "the take beside it is shown"
    used = bpy.data.objects.new("crane", None)
    used.animation_data_create().action = takes.shown(scene.camera)
    bpy.ops.dollygrip.delete_take()
    assert len(bpy.data.actions) == 1 and used.animation_data.action, "its Action animates something else"
    assert takes.shown(scene.camera) is None and not scene.dollygrip.take_list
    bpy.data.objects.remove(used)
    bpy.ops.dollygrip.list_takes()
    bpy.ops.dollygrip.delete_take()
    assert not bpy.data.actions and not bpy.data.images and not orphans()
    with pytest.raises(RuntimeError, match="has no takes"):
        bpy.ops.dollygrip.delete_take()


def test_takes_of_a_deleted_camera_are_not_lost(scene, tmp_path):
    add_take(scene, 3)
    bpy.data.objects.remove(scene.camera)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    scene = bpy.context.scene
    bpy.ops.dollygrip.new_shot()
    bpy.ops.dollygrip.list_takes()
    assert trucked(scene, 5) == pytest.approx(3, abs=0.01) and not takes.unlisted()


def test_more_like_this_asks_for_other_seeds_of_the_same(in_project):
    in_project.dollygrip.brief.seed, in_project.frame_start = 7, 11
    bpy.ops.dollygrip.predict_camera()
    parent = takes.shown(in_project.camera)
    state = in_project.dollygrip
    state.brief.prompt, state.brief.reference, state.brief.frame_count, state.brief.seed = "fail=0", "", 99, 0
    assert bpy.ops.dollygrip.more_like_this(count=3) == {"FINISHED"}, state.error
    made = [takes.provenance(entry.action) for entry in state.take_list][1:]
    known = takes.provenance(parent)
    assert [m["take"] for m in made] == [1, 2, 3] and {m["seed"] for m in made} == {8}
    for key in ("prompt", "reference", "reference_sha256", "strength"):
        assert {m[key] for m in made} == {known[key]}
    assert {m["parent_take"] for m in made} == {known["id"]}
    assert {takes.frame_range(entry.action) for entry in state.take_list} == {(11, 22)}
    assert trucked(in_project, 22) == pytest.approx(3, abs=0.01)
    assert in_project.camera.matrix_world.translation.z == pytest.approx(1.6), "from the same place"


def test_a_shots_frames_follow_its_markers(scene):
    add_take(scene, 1)
    first = scene.camera
    bpy.ops.dollygrip.bind_shot()
    scene.frame_set(20)
    bpy.ops.dollygrip.new_shot()
    second = scene.camera
    bpy.ops.dollygrip.bind_shot()
    add_take(scene, 2, second)
    assert shots.spans(scene, first) == [(1, 19)]
    assert shots.first_frame(scene, second) == 20 and shots.spans(scene, second) == [(20, 250)], (
        "its take lies elsewhere"
    )
    bpy.ops.dollygrip.slide_take()
    assert takes.frame_range(takes.shown(second)) == (20, 24) and shots.spans(scene, second) == [(20, 24)]
    assert trucked(scene, 24) == pytest.approx(2, abs=0.01) and trucked(scene, 20) == pytest.approx(0, abs=0.01)
    assert scene.camera == second
    assert trucked(scene, 5) == pytest.approx(1, abs=0.01) and scene.camera == first, "the playhead cuts"
    marker = next(m for m in scene.timeline_markers if m.camera == second)
    marker.frame = 15
    assert shots.spans(scene, first) == [(1, 14)] and shots.spans(scene, second)[0] == (15, 24)
    scene.timeline_markers.new("back", frame=18).camera = first
    assert shots.spans(scene, first) == [(1, 14), (18, 250)] and shots.spans(scene, second) == [(15, 17)]
    scene.dollygrip.shot_index = scene.objects.find(second.name)
    assert (scene.camera, scene.frame_current) == (second, 15)
    with pytest.raises(RuntimeError, match=f"On frame 1 the timeline cuts to {first.name}"):
        shots.show(scene, second)
        scene.frame_current = 1
        bpy.context.scene.camera = second
        bpy.ops.dollygrip.bind_shot()
    bpy.ops.dollygrip.unbind_shot()
    assert not shots.spans(scene, second) and shots.frame_range(scene, second) == (20, 24)


def test_the_first_cut_does_not_hide_the_shot_before_it(scene):
    add_take(scene, 1)
    first = scene.camera
    bpy.ops.dollygrip.new_shot()
    second = scene.camera
    scene.frame_set(4)
    said = shots.bind(scene, second, 4)
    assert first.name in said and "frame 1" in said
    assert shots.spans(scene, first) == [(1, 3)] and shots.spans(scene, second) == [(4, 250)]
    scene.frame_set(2)
    assert scene.camera == first
    assert not shots.bind(scene, second, 6), "only the first cut does so"


@pytest.mark.parametrize("by", [40, -30])
@pytest.mark.parametrize("kind", ["NOISE", "ENVELOPE", "STEPPED", "FNGENERATOR", "CYCLES", "part of it"])
def test_a_take_moves_in_time_with_its_modifiers(scene, kind, by):
    action = add_take(scene, 2)
    x = next(c for c in compat.take_curves(action) if (c.data_path, c.array_index) == ("location", 0))
    modifier = x.modifiers.new("NOISE" if kind == "part of it" else kind)
    if kind == "part of it":
        modifier.use_restricted_range, modifier.frame_start, modifier.frame_end = True, 2, 3
    elif kind == "STEPPED":
        modifier.frame_step, modifier.frame_offset = 2, 1
        modifier.use_frame_start, modifier.frame_start = True, 2
    elif kind == "ENVELOPE":
        for frame in (1, 4):
            modifier.control_points.add(frame)
        modifier.control_points.foreach_set("max", [0.5, 3.0])  # one by one may crash Blender; see shots.slide
        x.update()
    elif kind == "FNGENERATOR":
        modifier.use_additive, modifier.phase_multiplier = True, 0.7
    before = [trucked(scene, frame) for frame in range(1, 6)]
    assert kind == "CYCLES" or np.abs(np.array(before) - np.linspace(0, 2, 5)).max() > 0.05
    shots.slide(action, 1 + by)
    assert [trucked(scene, frame + by) for frame in range(1, 6)] == pytest.approx(before, abs=1e-4)


def test_several_shots_are_rendered_on_their_own_frames(in_project):
    """Three shots, two selected, one of them seen twice; a failing one does not keep the others back."""
    with pytest.raises(RuntimeError, match="The scene has no shot"):
        bpy.ops.dollygrip.render_shots(which="ALL")
    made = []
    for frame, prompt in ((1, "go"), (9, "fail=2"), (17, "go")):
        if made:
            bpy.ops.dollygrip.new_shot()
        made.append(in_project.camera or takes.ensure_camera(in_project))
        in_project.camera = made[-1]
        shots.bind(in_project, made[-1], frame)
        in_project.frame_set(frame)
        in_project.dollygrip.brief.prompt = "go"
        bpy.ops.dollygrip.predict_camera()
        takes.shown(made[-1])["dollygrip"]["prompt"] = prompt
    in_project.timeline_markers.new("back", frame=23).camera = made[0]
    in_project.frame_end = 24
    with pytest.raises(RuntimeError, match="No shot is selected"):
        bpy.ops.dollygrip.render_shots(which="SELECTED")
    made[1].dollygrip_shot.selected = made[2].dollygrip_shot.selected = True
    takes.shown(made[2])["dollygrip"]["prompt"] = "go" * 5000
    with pytest.raises(RuntimeError, match=r"Rendering Shot 03: The prompt has 10000 characters"):
        bpy.ops.dollygrip.render_shots(which="SELECTED")
    assert not len(compat.strips_of(in_project)), "all of it is looked at before any is rendered"
    takes.shown(made[2])["dollygrip"]["prompt"] = "go"
    with pytest.raises(RuntimeError, match=r"Rendering Shot 02: The scripted job fails"):
        bpy.ops.dollygrip.render_shots(which="SELECTED")
    spans = sorted((*compat.span_of(s), strips.shot_of(s)["shot"]) for s in compat.strips_of(in_project))
    assert spans == [(9, 11, made[1].name), (17, 23, made[2].name)]
    takes.shown(made[1])["dollygrip"]["prompt"] = "go"
    assert bpy.ops.dollygrip.render_shots(which="ALL") == {"FINISHED"}
    newest = sorted(compat.strips_of(in_project), key=lambda s: strips.shot_of(s)["folder"])[2:]
    assert [compat.span_of(s) for s in newest] == [(1, 9), (23, 25), (9, 17), (17, 23)]
    assert [strips.shot_of(s)["shot"] for s in newest] == [made[0].name] * 2 + [made[1].name, made[2].name]
    assert len(compat.strips_of(in_project)) == 6 and {s.channel for s in newest[2:]} == {2}, "older versions lie below"


def test_cancelling_ends_all_of_several(in_project):
    bpy.ops.dollygrip.predict_camera()
    takes.shown(in_project.camera)["dollygrip"]["prompt"] = "sleep=0.1"
    session.start(RenderShot.of(bpy.context), "", [RenderShot.of(bpy.context)])
    session.cancel()
    pump_until_idle()
    assert len(compat.strips_of(in_project)) <= 1


def test_takes_of_one_prompt_that_ends_in_a_number_tell_that_number(in_project):
    """Blender counts names up from what stands after their last full stop."""
    in_project.dollygrip.brief.prompt = "zoom in 2.5"
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.dollygrip.duplicate_take()
    bpy.ops.dollygrip.render_shot()
    bpy.ops.dollygrip.delete_take()
    in_project.sequence_editor.active_strip = compat.strips_of(in_project)[0]
    bpy.ops.dollygrip.open_take()
    names = [entry.action.name for entry in in_project.dollygrip.take_list]
    assert len(set(names)) == 3 and all("zoom in 2.5" in name for name in names)


def test_from_a_strip_to_its_take_and_back(in_project):
    """The strip finds its take under another name, in another shot; and its camera after the take was deleted."""
    bpy.ops.dollygrip.predict_camera()
    in_project.dollygrip.take_list[0].action.name = "renamed"
    shot = in_project.camera
    bpy.ops.dollygrip.render_shot()
    strip = compat.strips_of(in_project)[0]
    in_project.dollygrip.take_list[0].action.name = "renamed again"
    bpy.ops.dollygrip.new_shot()
    in_project.sequence_editor.active_strip = strip
    assert bpy.ops.dollygrip.open_take() == {"FINISHED"}
    assert in_project.camera == shot and takes.shown(shot).name == "renamed again"
    x = next(c for c in compat.take_curves(takes.shown(shot)) if (c.data_path, c.array_index) == ("location", 0))
    x.keyframe_points[-1].co.y = 0.5
    x.update()
    bpy.ops.dollygrip.render_shot()
    assert sorted(s.channel for s in compat.strips_of(in_project)) == [1, 2]
    bpy.ops.dollygrip.delete_take()
    in_project.sequence_editor.active_strip = max(compat.strips_of(in_project), key=lambda s: s.channel)
    bpy.ops.dollygrip.open_take()
    assert trucked(in_project) == pytest.approx(0.5, abs=0.01), "the camera that was rendered"
    in_project.sequence_editor.active_strip = strip
    bpy.ops.dollygrip.open_take()
    assert trucked(in_project) == pytest.approx(1, abs=0.01)


REOPENED = """
import sys, bpy, addon_utils
addon_utils.enable("bl_ext.user_default.dollygrip")
bpy.ops.wm.open_mainfile(filepath=sys.argv[-1])
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.shots import strips
from bl_ext.user_default.dollygrip.takes import takes
scene = bpy.context.scene
state = scene.dollygrip
picture.read_picture(state.brief.reference)
assert [e.star for e in state.take_list] == [False, True]
for index, metres in ((0, 1), (1, 2)):
    state.take_index = index
    scene.frame_set(12)
    assert abs(scene.camera.matrix_world.translation.x - metres) < 0.01
    picture.read_picture(takes.reference(takes.shown(scene.camera)))
[strip] = compat.strips_of(scene)
folder = strips.folder_of(strip)
assert (picture.read_picture(f"{folder}/{strip.elements[11].filename}") == 11).all()
scene.sequence_editor.active_strip = strip
state.take_index = 0
bpy.ops.dollygrip.open_take()
assert state.take_index == 1 and not takes.unlisted()
"""


def test_everything_survives_a_new_process_and_a_moved_project(in_project, tmp_path):
    in_project.dollygrip.brief.takes = 2
    bpy.ops.dollygrip.predict_camera()
    in_project.dollygrip.take_list[1].star = True
    bpy.ops.dollygrip.render_shot()
    bpy.ops.wm.save_mainfile()
    shutil.move(tmp_path / "project", tmp_path / "elsewhere")
    command = [sys.executable, "-c", REOPENED, str(tmp_path / "elsewhere" / "film.blend")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("along", [False, True])
def test_a_picture_outside_of_the_project_is_found_where_it_was_chosen(in_project, tmp_path, along):
    """It stays where it is when the project goes deeper; one that was chosen relative to the file comes along."""
    source, moved = tmp_path / "photos", tmp_path / "archive" / "2026"
    source.mkdir()
    shutil.copy(tmp_path / "project" / "reference.png", source)
    add_take(in_project, 1, reference="//../photos/reference.png" if along else str(source / "reference.png"))
    bpy.ops.wm.save_mainfile()
    moved.mkdir(parents=True)
    for folder in ("project", *(["photos"] if along else [])):
        shutil.move(tmp_path / folder, moved)
    bpy.ops.wm.open_mainfile(filepath=str(moved / "project" / "film.blend"))
    found = takes.reference(takes.shown(bpy.context.scene.camera))
    assert Path(found) == (moved / "photos" if along else source) / "reference.png"
    picture.read_picture(found)


def test_a_file_saved_elsewhere_and_a_copy_find_the_reference(in_project, tmp_path):
    bpy.ops.dollygrip.predict_camera()
    (tmp_path / "other").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "other" / "copy.blend"), copy=True)
    assert in_project.dollygrip.brief.reference == "//reference.png", "the open file stays where it is"
    for name in ("copy.blend", "film.blend"):
        if name == "film.blend":
            bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "project" / "film.blend"))
            bpy.context.scene.dollygrip.brief.reference = "//reference.png"
            bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "other" / name))
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "other" / name))
        state = bpy.context.scene.dollygrip
        assert state.brief.reference == "//../project/reference.png"
        picture.read_picture(state.brief.reference)


def test_an_unsaved_files_frames_come_along_when_it_is_saved(scene, scripted_backend, picture_path, tmp_path):
    scene.render.resolution_x, scene.render.resolution_y = 320, 180
    state = scene.dollygrip
    state.brief.reference, state.brief.frame_count, state.brief.prompt = str(picture_path), 5, "go"
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.dollygrip.render_shot()
    temporary = strips.folder_of(compat.strips_of(scene)[0]).parent
    assert temporary.parent == Path(tempfile.gettempdir())
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    shutil.rmtree(temporary)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "film.blend"))
    scene = bpy.context.scene
    [strip] = compat.strips_of(scene)
    assert strip.directory.startswith("//") and scene.dollygrip.brief.reference == "//reference.png"
    assert strips.folder_of(strip) == tmp_path / "dollygrip" / "shot_001"
    assert (picture.read_picture(f"{strips.folder_of(strip)}/{strip.elements[4].filename}") == 4).all()


def test_an_appended_shot_brings_its_takes_and_their_references(in_project, tmp_path):
    in_project.dollygrip.brief.takes = 2
    bpy.ops.dollygrip.predict_camera()
    name = in_project.camera.name
    bpy.ops.wm.save_mainfile()
    (tmp_path / "other").mkdir()
    empty_blender()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "other" / "b.blend"))
    bpy.ops.wm.append(directory=f"{tmp_path}/project/film.blend/Object/", filename=name)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "other" / "b.blend"))
    scene = bpy.context.scene
    assert len(scene.dollygrip.take_list) == 2 and not takes.unlisted()
    scene.dollygrip.shot_index = scene.objects.find(name)
    for index in (0, 1):
        scene.dollygrip.take_index = index
        assert trucked(scene) == pytest.approx(index + 1, abs=0.01)
        action = takes.shown(scene.camera)
        assert action.use_fake_user and Path(takes.reference(action)) == tmp_path / "project" / "reference.png"
        picture.read_picture(takes.reference(action))


def test_what_was_understood_is_said(in_project):
    bpy.ops.dollygrip.predict_camera()
    action = takes.shown(in_project.camera)
    assert takes.understood(action) == ""
    action["dollygrip"]["meta"] = '{"plan": "dolly_in @slow > pan_left 30° + orbit", "clearance": 0.25}'
    action["dollygrip"]["scene_depth"] = 4.0
    assert takes.understood(action) == "dolly in slowly, then pan left 30° and orbit; nearest surface 1 m away"
    action["dollygrip"]["meta"] = '{"plan": "static", "clearance": null}'
    assert takes.understood(action) == "static"
    action["dollygrip"]["meta"] = '{"plan": "pedestal_up 1.5 m > pause; frames 3 to 9: dolly_zoom_in:small"}'
    assert takes.understood(action) == "pedestal up 1.5 m, then pause; frames 3 to 9: dolly zoom in small"
