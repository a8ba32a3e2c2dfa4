"""Re-direction and drawn paths as jobs: with results known in advance, and with the real predictor."""

import json
from pathlib import Path

import attrs
import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat, resume
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.camera import camera, curve_parts
from bl_ext.user_default.dollygrip.direct import parts
from bl_ext.user_default.dollygrip.direct.drawn import AlongPath, polyline
from bl_ext.user_default.dollygrip.direct.redirect import Redirect, rendered_frame
from bl_ext.user_default.dollygrip.live.overlay import Overlay
from bl_ext.user_default.dollygrip.references import picture
from bl_ext.user_default.dollygrip.shots import shots, strips
from bl_ext.user_default.dollygrip.takes import takes
from blender.sample_takes import START, add_take, view_degrees
from blender.test_direct import ask, assert_smooth, inner_keys, outside, view, weave
from blender.test_drawn import bezier, in_blender, length, off


@pytest.fixture
def film(scene, picture_path, tmp_path):
    """A saved file with a take of several keys, of which the second to the last but one are asked for."""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 320, 180
    action = add_take(scene, weave)
    keys = inner_keys(action)
    for curve in compat.take_curves(action):
        for frame in keys[1:-1]:
            curve_parts.cut_out(curve, frame, None, takes.frame_range(action))
    ask(scene, picture_path, keys[1], keys[-2], "go")
    return scene


def test_the_new_takes_know_where_they_come_from(film, scripted_backend):
    """Two takes at once; parent, part, prompt, seed, picture; the old take stays, and so does what is outside."""
    film.dollygrip.brief.takes, film.dollygrip.brief.seed = 2, 7
    parent, before, span = takes.shown(film.camera), view(film), parts.chosen_span(film, film.camera)
    assert bpy.ops.dollygrip.redirect() == {"FINISHED"}
    listed = [entry.action for entry in film.dollygrip.take_list]
    assert listed[0] == parent and len(listed) == 3 and takes.shown(film.camera) == listed[2]
    for number, action in enumerate(listed[1:], 1):
        stored = takes.provenance(action)
        assert stored["parent_take"] == takes.provenance(parent)["id"] != stored["id"]
        assert (stored["prompt"], stored["range"], stored["take"]) == ("go", [span.first, span.last], number)
        assert stored["seed"] == 7 and len(stored["picture_sha256"]) == 64
        assert takes.frame_range(action) == takes.frame_range(parent)
        film.camera.dollygrip_shot.take_index = number
        assert outside(view(film), span.first, span.last) == outside(before, span.first, span.last)
        assert_smooth(film, (span.first, span.last))
        seen = camera.sample(bpy.context, *takes.frame_range(action), film.camera)
        assert np.abs(takes.dense(action).positions - seen.positions).max() < 0.02, "the dense camera is the new one"
    assert f"frames {span.first} to {span.last} are new" in film.dollygrip.notice
    film.camera.dollygrip_shot.take_index = 0
    assert view(film) == before


@pytest.mark.parametrize(
    ("place", "said"), [([0.25, 0.5], "“door” was found 25% across, 50% down"), (None, "“door” was not found in the")]
)
def test_a_redirection_tells_whether_what_its_words_name_was_found(film, scripted_backend, monkeypatch, place, said):
    """When it is made, and later, as long as it is the part that was directed last."""
    prepare = Redirect.prepare

    def named(task, event):
        index, predicted = prepare(task, event)
        return index, attrs.evolve(predicted, meta=predicted.meta | {"named": "door", "subject": place, "plan": "pan"})

    monkeypatch.setattr(Redirect, "prepare", named)
    for _ in range(2):
        assert bpy.ops.dollygrip.redirect() == {"FINISHED"}
        assert said in film.dollygrip.notice
        assert takes.understood(takes.shown(film.camera)).count(said) == 1


@pytest.mark.parametrize("by", [0, 5])
def test_more_like_a_redirected_take_varies_its_part(film, scripted_backend, by):
    """Not a whole new take: outside of the part nothing changes, also where the take was moved in time."""
    span = parts.chosen_span(film, film.camera)
    assert bpy.ops.dollygrip.redirect() == {"FINISHED"}
    made = takes.shown(film.camera)
    shots.slide(made, takes.frame_range(made)[0] + by)
    before = view(film, START, START + 90)
    assert bpy.ops.dollygrip.more_like_this(count=2) == {"FINISHED"}, film.dollygrip.error
    after, stored = view(film, START, START + 90), takes.provenance(takes.shown(film.camera))
    first, last = span.first + by, span.last + by
    assert outside(after, first, last) == outside(before, first, last)
    assert sum(after[f] != before[f] for f in range(first + 1, last)) >= span.frames - 4, "take 2 trucks further"
    assert (stored["prompt"], stored["range"], stored["take"]) == ("go", [first, last], 2)
    assert stored["seed"] > takes.provenance(made)["seed"] and len(film.dollygrip.take_list) == 4
    assert stored["parent_take"] == takes.provenance(made)["id"]
    assert takes.understood(takes.shown(film.camera)).count("frames ") == 1, "the part is told of once"


def test_more_like_a_take_along_a_path_keeps_to_the_path(film, scripted_backend):
    drawing = bezier(film, [(0, 0, 0), (0, 2, 0), (2, 2, 1)])
    film.dollygrip.brief.prompt = "go"
    assert bpy.ops.dollygrip.predict_along_path() == {"FINISHED"}
    shot = takes.find_camera(film)
    before, take = AlongPath.of(bpy.context), takes.shown(shot)
    task = AlongPath.like(bpy.context, shot, take, 2)
    assert np.allclose(task.arrays["path"], before.arrays["path"], atol=1e-5) and task.request.takes == 2
    assert np.allclose(task.placement.start, before.placement.start, atol=1e-5)
    assert bpy.ops.dollygrip.more_like_this(count=1) == {"FINISHED"}
    assert takes.provenance(takes.shown(shot))["path"] == drawing.name
    film.collection.objects.unlink(drawing)
    with pytest.raises(RuntimeError, match="Way, which the take moves along, is gone"):
        bpy.ops.dollygrip.more_like_this()
    bpy.data.objects.remove(drawing)
    with pytest.raises(RuntimeError, match="Way, which the take moves along, is gone"):
        bpy.ops.dollygrip.more_like_this()


def test_more_like_a_take_keeps_to_its_path_whatever_that_is_called(film, scripted_backend, tmp_path):
    """Also when another has its name by then, and after the file was saved and opened again."""
    drawing = bezier(film, [(0, 0, 0), (0, 2, 0), (2, 2, 1)])
    film.dollygrip.brief.prompt = "go"
    assert bpy.ops.dollygrip.predict_along_path() == {"FINISHED"}
    before = AlongPath.of(bpy.context).arrays["path"]
    drawing.name = "Dolly track"
    bezier(film, [(0, 0, 0), (5, 0, 0)])
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    for _ in range(2):
        film = bpy.context.scene
        task = AlongPath.like(bpy.context, takes.find_camera(film), takes.shown(takes.find_camera(film)), 1)
        assert np.allclose(task.arrays["path"], before, atol=1e-5)
        assert bpy.ops.dollygrip.more_like_this(count=1) == {"FINISHED"}
    assert takes.provenance(takes.shown(takes.find_camera(film)))["path"] == "Dolly track"


def test_new_takes_survive_saving_and_are_redirected_again(film, scripted_backend):
    span = parts.chosen_span(film, film.camera)
    bpy.ops.dollygrip.redirect()
    before = view(film)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    opened = bpy.context.scene
    assert view(opened) == before
    assert opened.dollygrip.brief.direct.prompt == "go"
    assert bpy.ops.dollygrip.redirect() == {"FINISHED"}
    assert outside(view(opened), span.first, span.last) == outside(before, span.first, span.last)


def test_a_part_whose_keys_were_edited_meanwhile_joins_what_is_there_now(film, scripted_backend):
    """The animator goes on working while the job runs: the join is to the curves as they are when it comes."""
    session.start(Redirect.of(bpy.context), "")
    parent, span = takes.shown(film.camera), session.task.span
    for curve in compat.object_curves(parent):
        keys = curve_parts.read(curve)
        if len(keys["co"]) > 1:
            for name in ("co", "handle_left", "handle_right"):
                keys[name][:, 1] += 0.1 * np.arange(len(keys["co"]))
            curve_parts.write(curve, keys)
    before = view(film)
    while session.active:
        session.pump()
    assert not film.dollygrip.error
    assert outside(view(film), span.first, span.last) == outside(before, span.first, span.last)
    assert_smooth(film, (span.first, span.last))


def test_a_take_that_is_gone_meanwhile_is_missed(film, scripted_backend):
    session.start(Redirect.of(bpy.context), "")
    bpy.ops.dollygrip.delete_take()
    count = len(bpy.data.actions)
    while session.active:
        session.pump()
    assert "The take that was to be re-directed is gone" in film.dollygrip.error and film.dollygrip.hint
    assert len(bpy.data.actions) == count and not film.dollygrip.take_list


def test_a_take_that_was_moved_away_meanwhile_stays_as_it_is(film, scripted_backend):
    session.start(Redirect.of(bpy.context), "")
    parent, last = takes.shown(film.camera), session.task.span.last
    shots.slide(parent, last + 10)
    before, count = view(film), len(bpy.data.actions)
    while session.active:
        session.pump()
    assert f"now runs from frame {last + 10}" in film.dollygrip.error and film.dollygrip.hint
    assert view(film) == before and len(bpy.data.actions) == count


@pytest.mark.parametrize("kind", [Redirect, AlongPath])
def test_a_job_is_attached_to_again(film, scripted_backend, kind):
    """What the file keeps of the running job is enough to go on with it, in another session."""
    bezier(film, [(0, 0, 0), (0, 2, 0), (2, 2, 1)])
    film.dollygrip.brief.prompt = "go"
    task = kind.of(bpy.context)
    session.start(task, "")
    while not film.dollygrip.job:
        session.pump()
    record = film.dollygrip.job
    while session.active:
        session.pump()
    made = takes.shown(film.camera)
    takes.remove(film.camera, takes.place_of(film.camera, made))
    film.dollygrip.job = record
    again = resume.task_of(film)
    assert type(again) is kind and again.job_id == json.loads(record)["job"]
    session.start(again, "")
    while session.active:
        session.pump()
    assert not film.dollygrip.error and takes.provenance(takes.shown(film.camera))["job"] == again.job_id


def test_a_rendered_frame_is_what_the_part_starts_from(film, scripted_backend):
    """Where the take was rendered the picture of the part's first frame is sent, else the reference."""
    task = Redirect.of(bpy.context)
    reference = picture.read_picture(film.dollygrip.brief.reference)
    assert np.array_equal(task.arrays["image"], reference)
    assert bpy.ops.dollygrip.render_shot() == {"FINISHED"}
    task = Redirect.of(bpy.context)
    [strip] = compat.strips_of(film)
    assert (task.arrays["image"] == task.span.first - START).all(), "the scripted frame of that number"
    assert task.provenance["picture"].startswith("//") and task.request.size == (320, 180)
    assert task.request.view_degrees == pytest.approx(
        view_degrees(camera.sample(bpy.context, task.span.first, task.span.first, film.camera)), abs=1e-3
    )
    assert rendered_frame(film, "another take", task.span.first) is None
    assert strips.shot_of(strip)["take_id"] == task.take_id


def test_the_real_predictor_is_joined(film, backend_home):
    """Locked key, end and path go to the real network; what it returns is joined and kept to."""
    film.dollygrip.brief.direct.prompt = "look left, then roll a little"
    span, before = parts.chosen_span(film, film.camera), view(film)
    middle = next(key for key in inner_keys(takes.shown(film.camera)) if span.first < key < span.last)
    for curve in parts.pose_curves(film.camera):
        for point in curve.keyframe_points:
            point.select_control_point = round(point.co.x) == middle
    bpy.ops.dollygrip.lock_keys()
    assert bpy.ops.dollygrip.redirect() == {"FINISHED"}
    after = view(film)
    assert outside(after, span.first, span.last) == outside(before, span.first, span.last)
    assert sum(after[f] != before[f] for f in after) >= span.frames - 4
    assert_smooth(film, (span.first, span.last))
    poses = [np.frombuffer(seen[middle][0]) for seen in (before, after)]
    assert np.abs(poses[0] - poses[1]).max() < 1e-5

    drawing = bezier(film, [(0, 0, 0), (0, 1, 0), (1, 2, 0.5), (2, 2, 0.5)])
    film.dollygrip.brief.prompt, film.dollygrip.brief.frame_count = "look up slowly", 49
    assert bpy.ops.dollygrip.predict_along_path() == {"FINISHED"}
    made = takes.shown(film.camera)
    drawn = in_blender(polyline(bpy.context, drawing, 1))
    places = in_blender(camera.sample(bpy.context, *takes.frame_range(made), film.camera).positions)
    assert off(places, drawn) < 0.01 * length(drawn)
    assert length(places) == pytest.approx(length(drawn), rel=0.01)
    assert np.allclose(places[[0, -1]], drawn[[0, -1]], atol=0.01 * length(drawn))


def test_a_camera_that_looks_down_pans_on_a_level_head(film, backend_home):
    """Of its three angles the one about the vertical moves alone, as on a tripod."""
    tripod = bpy.data.objects.new("Tripod", bpy.data.cameras.new("Tripod"))
    tripod.location, tripod.rotation_euler = (0, -5, 3), np.radians((60, 0, 20))
    film.collection.objects.link(tripod)
    brief = film.dollygrip.brief
    brief.start, brief.prompt, brief.frame_count = tripod, "pan left 60 degrees", 49
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}
    frames = takes.frame_range(takes.shown(film.camera))
    angles = []
    for frame in range(frames[0], frames[1] + 1):
        film.frame_set(frame)
        angles.append(film.camera.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world.to_euler())
    angles = np.unwrap(angles, axis=0)
    assert np.ptp(np.degrees(angles), 0) == pytest.approx([0, 0, 60], abs=0.5)
    assert np.degrees(angles[0]) == pytest.approx([60, 0, 20], abs=0.1)
    assert angles[-1, 2] > angles[0, 2], "to the left"


def test_what_the_words_name_is_marked_where_it_stands(film, backend_home):
    """In the viewport, where frame 1 sees it; the panel says where in the picture that is, or that it was not found."""
    from bpy_extras.object_utils import world_to_camera_view
    from mathutils import Vector

    film.dollygrip.brief.reference = str(Path(__file__).parents[1] / "data" / "pictures" / "sofa.jpg")
    film.dollygrip.brief.prompt, film.dollygrip.brief.frame_count = "push in toward the sofa", 25
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}
    take, overlay = takes.shown(film.camera), Overlay()
    x, y = takes.dense(take).meta["subject"]
    assert f"“the sofa” was found {x:.0%} across, {y:.0%} down" in takes.understood(take)
    overlay.refresh(film)
    film.frame_set(takes.frame_range(take)[0])
    seen = world_to_camera_view(film, film.camera, Vector(overlay.view.shown.subject.mean(0)))
    cropped = (y * 288 - 9) / 270  # of a picture of 480x288 a frame of 16:9 shows 270 lines
    assert (seen.x, 1 - seen.y) == pytest.approx((x, cropped), abs=0.01)
    film.dollygrip.brief.prompt = "push in toward the submarine"
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}
    overlay.refresh(film)
    assert "“the submarine” was not found in the picture" in takes.understood(takes.shown(film.camera))
    assert not len(overlay.view.shown.subject)


def test_what_cannot_be_read_is_called_a_guess(film, backend_home):
    film.dollygrip.brief.prompt, film.dollygrip.brief.frame_count = "die Kamera schwenkt langsam", 9
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}
    said = takes.understood(takes.shown(film.camera))
    assert "a guess: it reads English only, and does not know “kamera”, “schwenkt”, “langsam”" in said
    assert said in film.dollygrip.notice
