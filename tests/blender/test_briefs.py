"""What is asked belongs to the shot: its prompt, picture and settings are shown, predicted and rendered with it."""

import time

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip import compat, shared_brief
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.direct.predict import PredictCamera
from bl_ext.user_default.dollygrip.live.live import live
from bl_ext.user_default.dollygrip.live.overlay import Overlay
from bl_ext.user_default.dollygrip.references import picture, references
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.shots import shots, strips
from bl_ext.user_default.dollygrip.takes import takes
from blender.test_live import tick_until, turn
from blender.trucked_takes import add_take, empty_blender, pump_until_idle

CUT = 11  # the frame on which the second shot begins


@pytest.fixture
def film(ready, tmp_path):
    """Two shots without takes on the timeline, each with a prompt, a picture and a seed of its own."""
    picture.write_png(tmp_path / "other.png", np.zeros((36, 64, 3), np.uint8))
    ready.frame_end = 2 * CUT - 2
    for number, (frame, prompt, reference) in enumerate(((1, "go", "reference"), (CUT, "go on", "other"))):
        bpy.ops.dollygrip.new_shot()
        shots.bind(ready, ready.camera, frame)
        ready.frame_set(frame)
        brief = ready.dollygrip.brief
        brief.prompt, brief.reference, brief.seed = prompt, f"//{reference}.png", 3 + number
    return ready


def by_list(scene, shot) -> None:
    scene.dollygrip.shot_index = scene.objects.find(shot.name)


def by_camera(scene, shot) -> None:
    scene.camera = shot


def by_playhead(scene, shot) -> None:
    scene.frame_set(shots.spans(scene, shot)[0][0])


def asked(scene) -> tuple[str, str, int]:
    brief = scene.dollygrip.brief
    return brief.prompt, takes.chosen_reference(scene), brief.seed


FIRST, SECOND = ("go", "//reference.png", 3), ("go on", "//other.png", 4)


@pytest.mark.parametrize("switch", [by_list, by_camera, by_playhead])
def test_another_shot_shows_what_is_asked_of_it(film, switch):
    one, two = shots.of_scene(film)
    assert asked(film) == SECOND
    for _ in range(2):
        switch(film, one)
        assert film.camera == one and asked(film) == FIRST
        switch(film, two)
        assert film.camera == two and asked(film) == SECOND
    film.dollygrip.brief.prompt = "go away"
    film.dollygrip.brief.direct.prompt = "look up"
    switch(film, one)
    assert asked(film) == FIRST and not film.dollygrip.brief.direct.prompt, "in the Direct panel, too"
    switch(film, two)
    assert film.dollygrip.brief.direct.prompt == "look up"


def test_each_shot_is_predicted_and_rendered_as_it_is_asked(film, tmp_path):
    """The one that is shown does not matter where several are rendered."""
    one, two = shots.of_scene(film)
    assert bpy.ops.dollygrip.render_shots(which="ALL") == {"FINISHED"}, film.dollygrip.error
    rendered = [strips.shot_of(strip) for strip in compat.strips_of(film)]
    assert {(made["shot"], made["prompt"], made["reference"], made["seed"]) for made in rendered} == {
        (one.name, *FIRST),
        (two.name, *SECOND),
    }
    for shot in (one, two):
        by_list(film, shot)
        assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}, film.dollygrip.error
    by_list(film, one)
    for shot, (prompt, reference, seed) in ((one, FIRST), (two, SECOND)):
        [entry] = shot.dollygrip_shot.takes
        made = takes.provenance(entry.action)
        assert (made["prompt"], made["seed"]) == (prompt, seed) and made["reference"] == str(tmp_path / reference[2:])
        task = RenderShot.of(bpy.context, shot)
        assert (task.prompt, task.seed) == (prompt, seed)


def test_the_depth_and_the_set_of_a_shot_are_its_own(film):
    one, two = shots.of_scene(film)
    film.dollygrip.brief.scene_depth = 7.0
    assert (
        RenderShot.of(bpy.context, two).trajectory.scene_depth
        == 7.0
        != RenderShot.of(bpy.context, one).trajectory.scene_depth
    )
    by_list(film, one)
    assert (
        RenderShot.of(bpy.context, two).trajectory.scene_depth
        == 7.0
        != RenderShot.of(bpy.context, one).trajectory.scene_depth
    )


def test_a_job_goes_where_it_was_asked_for(film):
    one, two = shots.of_scene(film)
    by_list(film, one)
    film.dollygrip.brief.prompt = "sleep=0.3"
    session.start(PredictCamera.of(bpy.context), "")
    by_list(film, two)
    film.dollygrip.brief.prompt = "not yet"
    pump_until_idle()
    [entry] = one.dollygrip_shot.takes
    assert takes.provenance(entry.action)["prompt"] == "sleep=0.3" and not two.dollygrip_shot.takes
    assert film.camera == two and asked(film)[0] == "not yet"


def test_the_first_shot_takes_over_what_was_typed_before(ready):
    """A prediction makes it, or New Shot; without shots the scene shows that again."""
    ready.dollygrip.brief.seed = 6
    bpy.ops.dollygrip.predict_camera()
    assert asked(ready)[::2] == ("go", 6)
    ready.dollygrip.brief.prompt = "further"
    bpy.ops.dollygrip.predict_camera()
    assert len(ready.dollygrip.take_list) == 2 and asked(ready)[0] == "further"
    bpy.data.objects.remove(ready.camera)
    assert asked(ready)[::2] == ("go", 6)
    bpy.ops.dollygrip.new_shot()
    assert asked(ready)[::2] == ("go", 6)


def test_a_shot_beside_another_begins_without_its_words_and_subject(film):
    post = bpy.data.objects.new("Post", None)
    scout = bpy.data.objects.new("Scout", bpy.data.cameras.new("Scout"))
    brief = film.dollygrip.brief
    brief.start, brief.frame_count, brief.strength = scout, 33, 0.5
    brief.subject_kind, brief.subject_object, brief.subject_point = "OBJECT", post, (0.1, 0.2)
    brief.direct.prompt, brief.direct.first, brief.direct.last = "look up", 3, 9
    bpy.ops.dollygrip.new_shot()
    brief = film.dollygrip.brief
    assert (brief.prompt, brief.reference, brief.seed) == ("", *SECOND[1:])
    assert (brief.start, brief.frame_count, brief.strength) == (scout, 33, 0.5)
    assert (brief.subject_kind, brief.subject_object, tuple(brief.subject_point)) == ("AUTO", None, (0.5, 0.5))
    assert (brief.direct.prompt, brief.direct.first, brief.direct.last) == ("", 0, 0)
    _, two, _ = shots.of_scene(film)
    assert two.dollygrip_shot.brief.subject_object == post and two.dollygrip_shot.brief.prompt == SECOND[0]


def test_a_camera_that_becomes_a_shot_takes_over_what_is_shown(film):
    own = bpy.data.objects.new("Own", bpy.data.cameras.new("Own"))
    film.collection.objects.link(own)
    film.camera = own
    brief = film.dollygrip.brief
    brief.direct.prompt, brief.direct.first, brief.direct.last = "go", 2, 8
    assert bpy.ops.dollygrip.redirect() == {"FINISHED"}, film.dollygrip.error
    assert takes.is_camera(own) and asked(film) == FIRST
    film.dollygrip.brief.prompt = "mine"
    bpy.ops.dollygrip.delete_take()
    bpy.ops.dollygrip.delete_take()
    assert bpy.ops.dollygrip.redirect() == {"FINISHED"} and asked(film)[0] == "mine", "and keeps it"
    assert shots.of_scene(film)[0].dollygrip_shot.brief.prompt == "go"


def test_it_is_undone_with_its_shot_alone(film):
    one, two = (shot.name for shot in shots.of_scene(film))
    bpy.ops.ed.undo_push(message="two shots")
    film.dollygrip.brief.prompt = "away"
    bpy.ops.ed.undo_push(message="typed")
    by_list(film, film.objects[one])
    bpy.ops.ed.undo_push(message="chosen")
    film.dollygrip.brief.prompt = "back"
    bpy.ops.ed.undo_push(message="typed")
    bpy.ops.ed.undo()
    assert asked(bpy.context.scene) == FIRST
    bpy.ops.ed.undo()
    assert bpy.context.scene.camera.name == two and asked(bpy.context.scene)[0] == "away"
    bpy.ops.ed.undo()
    assert asked(bpy.context.scene) == SECOND
    for _ in range(3):
        bpy.ops.ed.redo()
    assert asked(bpy.context.scene)[0] == "back"
    by_list(bpy.context.scene, bpy.context.scene.objects[two])
    assert asked(bpy.context.scene)[0] == "away"


def test_a_duplicate_is_asked_on_its_own(film):
    bpy.ops.object.select_all(action="DESELECT")
    film.camera.select_set(True)
    bpy.context.view_layer.objects.active = film.camera
    film.dollygrip.brief.start = film.camera
    bpy.ops.object.duplicate()
    original, film.camera = film.camera, bpy.context.object
    assert asked(film) == SECOND and film.dollygrip.brief.start == film.camera != original
    film.dollygrip.brief.prompt = "another way"
    assert original.dollygrip_shot.brief.prompt == SECOND[0]


def test_it_is_saved_and_opened_and_found_from_elsewhere(film, tmp_path):
    one, two = (shot.name for shot in shots.of_scene(film))
    (tmp_path / "other").mkdir()
    film.objects[one].dollygrip_shot.brief.reference = str(tmp_path / "reference.png")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "other" / "copy.blend"), copy=True)
    assert asked(film)[1] == "//other.png", "the open file stays where it is"
    assert film.objects[one].dollygrip_shot.brief.reference == str(tmp_path / "reference.png")
    bpy.ops.wm.save_mainfile()
    for file, first, second in (
        ("other/copy.blend", str(tmp_path / "reference.png"), "//../other.png"),
        ("film.blend", FIRST[1], SECOND[1]),
    ):
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / file))
        scene = bpy.context.scene
        for shot, (prompt, _, seed), reference in ((one, FIRST, first), (two, SECOND, second)):
            by_list(scene, scene.objects[shot])
            assert asked(scene) == (prompt, reference, seed)
            picture.read_picture(takes.chosen_reference(scene))


def test_a_temporary_picture_of_a_shot_that_is_not_shown_is_kept(scene, tmp_path):
    """As all pictures of a file that is saved for the first time."""
    bpy.ops.dollygrip.new_shot()
    first = scene.camera
    scene.dollygrip.brief.reference = references.keep(np.zeros((4, 6, 3), np.uint8), "view")
    bpy.ops.dollygrip.new_shot()
    scene.dollygrip.brief.reference = ""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "film.blend"))
    assert first.dollygrip_shot.brief.reference.startswith("//dollygrip/references/view")
    picture.read_picture(first.dollygrip_shot.brief.reference)


@pytest.mark.skipif(bpy.app.version < (4, 3, 0), reason="Blender does not tell that it appends")
@pytest.mark.parametrize("kind", ["Object", "Scene"])
def test_it_comes_along_where_a_shot_is_appended(film, tmp_path, kind):
    """Also without a take that would know its picture; what has been there stays."""
    name, start = film.camera.name, bpy.data.objects.new("Scout", bpy.data.cameras.new("Scout"))
    film.collection.objects.link(start)
    film.dollygrip.brief.start = start
    bpy.ops.wm.save_mainfile()
    (tmp_path / "other").mkdir()
    empty_blender()
    own = bpy.context.scene
    own.name = "Own"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "other" / "own.blend"))
    bpy.ops.dollygrip.new_shot()
    own.camera.name, own.dollygrip.brief.reference = "Here", "//here.png"
    item = name if kind == "Object" else "Scene"
    bpy.ops.wm.append(directory=f"{tmp_path}/film.blend/{kind}/", filename=item)
    scene = own if kind == "Object" else bpy.data.scenes["Scene"]
    by_camera(scene, scene.objects[name])
    assert asked(scene) == (SECOND[0], "//../other.png", SECOND[2])
    picture.read_picture(takes.chosen_reference(scene))
    assert scene.dollygrip.brief.start in list(scene.objects)
    assert own.objects["Here"].dollygrip_shot.brief.reference == "//here.png"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "own.blend"))
    assert asked(scene)[1] == "//other.png"


@pytest.mark.parametrize("overridden", [False, True])
def test_a_linked_shot_is_read_where_it_is_from_and_not_written(film, tmp_path, overridden):
    name = film.camera.name
    bpy.ops.wm.save_mainfile()
    (tmp_path / "elsewhere").mkdir()
    empty_blender()
    scene = bpy.context.scene
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "elsewhere" / "own.blend"))
    with bpy.data.libraries.load(str(tmp_path / "film.blend"), link=True) as (_, here):
        here.objects = [name]
    [shot] = here.objects
    scene.collection.objects.link(shot)
    scene.camera = shot.override_create(remap_local_usages=True) if overridden else shot
    assert asked(scene) == (SECOND[0], str(tmp_path / "other.png"), SECOND[2])
    bpy.data.images.new("Paint", 8, 8)
    for refused in (
        lambda: bpy.ops.dollygrip.capture_reference(source="IMAGE", image="Paint"),
        lambda: bpy.ops.dollygrip.pick_subject(point=(0.5, 0.5)),
    ):
        with pytest.raises(RuntimeError, match="is linked from another file"):
            refused()
    bpy.ops.wm.save_mainfile()
    assert asked(scene)[1] == str(tmp_path / "other.png")
    bpy.ops.dollygrip.new_shot()
    assert asked(scene) == ("", str(tmp_path / "other.png"), SECOND[2])


def test_takes_of_a_deleted_shot_that_starts_at_itself_are_not_lost(scene):
    """Its own brief keeps the camera in the file, as a field that names what was deleted does."""
    action = add_take(scene, 3)
    scene.dollygrip.brief.start = scene.camera
    assert not takes.unlisted()
    bpy.ops.object.select_all(action="DESELECT")
    scene.camera.select_set(True)
    bpy.ops.object.delete()
    assert not shots.of_scene(scene) and takes.unlisted() == [action]


@pytest.mark.parametrize("switch", [by_list, by_playhead])
def test_live_follows_the_shot_that_is_shown(film, switch):
    one, two = shots.of_scene(film)
    turn(True)
    try:
        tick_until(lambda: live.preview_of(film) and asked_live(film) == SECOND[0])
        switch(film, one)
        assert live.preview_of(film) is None and not bpy.ops.dollygrip.keep_live.poll(), "that was another shot's"
        tick_until(lambda: live.preview_of(film))
        assert asked_live(film) == FIRST[0] and live.preview.task.request.seed == FIRST[2]
        for _ in range(3):  # there and back again, as the playhead passes by
            switch(film, two)
            live.tick()
            switch(film, one)
            live.tick()
        assert asked_live(film) == FIRST[0] and not live.waiting, "nothing is asked anew"
        assert bpy.ops.dollygrip.keep_live() == {"FINISHED"}
        assert [len(shot.dollygrip_shot.takes) for shot in (one, two)] == [1, 0]
    finally:
        live.stop()


def asked_live(scene) -> str:
    return live.preview_of(scene).trajectory.meta["prompt"]


def test_live_waits_while_shots_are_played_back(film, monkeypatch):
    one, _ = shots.of_scene(film)
    turn(True)
    try:
        tick_until(lambda: live.preview_of(film))
        with monkeypatch.context() as playing:
            playing.setattr("bl_ext.user_default.dollygrip.live.live._is_busy", lambda: True)
            by_playhead(film, one)
            for _ in range(25):
                live.tick()
                time.sleep(0.02)
            assert not live.waiting and live.preview_of(film) is None
        tick_until(lambda: live.preview_of(film))
        assert asked_live(film) == FIRST[0]
    finally:
        live.stop()


def test_typing_does_not_sample_the_takes_again(scene):
    """Blender tells of a shot whose brief was written as of one that has moved."""
    add_take(scene, 1)
    overlay = Overlay()

    def note(_scene, depsgraph):
        for update in depsgraph.updates:
            overlay.touch(update)

    bpy.app.handlers.depsgraph_update_post.append(note)
    try:
        overlay.refresh(scene)
        before = overlay.view
        for prompt in ("g", "go"):
            scene.dollygrip.brief.prompt = prompt
            bpy.context.view_layer.update()
            overlay.refresh(scene)
            assert overlay.view is before
        scene.camera.delta_location.z = 2.0
        bpy.context.view_layer.update()
        overlay.refresh(scene)
        assert np.allclose(overlay.view.shown.line - before.shown.line, [0, 0, 2], atol=1e-4)
    finally:
        bpy.app.handlers.depsgraph_update_post.remove(note)


def test_no_key_of_it_lies_in_a_take(scene):
    add_take(scene, 1)
    for name in ("strength", "seed", "frame_count", "subject_kind"):
        with pytest.raises(TypeError, match="not animatable"):
            scene.camera.keyframe_insert(f"dollygrip_shot.brief.{name}")


def test_a_file_with_one_brief_for_all_shots_opens_without_loss(film, tmp_path):
    post = bpy.data.objects.new("Post", None)
    film.collection.objects.link(post)
    for shot in shots.of_scene(film):
        shot.dollygrip_shot.property_unset("brief")
    film.dollygrip.property_unset("draft")
    film.dollygrip.engine = "auto"
    stored = compat.stored_properties(film)
    stored["dollygrip"].update({"prompt": "orbit", "reference": "//other.png", "seed": 9, "strength": 0.5})
    stored["dollygrip"].update({"subject_kind": 2, "subject_object": post, "subject_point": [0.25, 0.75]})
    stored["dollygrip_direct"] = {"prompt": "look up", "first": 3, "last": 7}
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    scene = bpy.context.scene
    for brief in [shot.dollygrip_shot.brief for shot in shots.of_scene(scene)] + [scene.dollygrip.draft]:
        assert (brief.prompt, brief.reference, brief.seed, brief.strength) == ("orbit", "//other.png", 9, 0.5)
        assert (brief.subject_kind, brief.subject_object) == ("OBJECT", scene.objects["Post"])
        assert tuple(brief.subject_point) == (0.25, 0.75) and brief.direct.prompt == "look up"
    scene.dollygrip.brief.prompt = "mine"
    shared_brief.after_opening("")
    assert scene.dollygrip.brief.prompt == "mine"
