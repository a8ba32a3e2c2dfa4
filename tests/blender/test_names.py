"""What shots, takes and files are called: what tells them apart is seen where room is short."""

from pathlib import Path
from types import SimpleNamespace

import bpy
from bl_ext.user_default.dollygrip.takes import takes
from bl_ext.user_default.dollygrip.takes.files import DOLLYGRIP_OT_save_take
from blender.sample_takes import add_take


def labels(scene) -> list[str]:
    return [takes.label_of(scene.camera, entry.action) for entry in scene.camera.dollygrip_shot.takes]


def proposed(kind="AUTO") -> str:
    """The file that the browser proposes for the shown camera."""
    browser = SimpleNamespace(fileselect_add=lambda _operator: None)
    asked = SimpleNamespace(kind=kind, filepath="")
    DOLLYGRIP_OT_save_take.invoke(asked, SimpleNamespace(scene=bpy.context.scene, window_manager=browser), None)
    return Path(asked.filepath).name


def test_shots_are_numbered_and_those_of_the_file_keep_their_names(scene):
    old = takes.new_camera(scene)
    old.name = "Dollygrip Camera"
    scene.collection.objects.link(bpy.data.objects.new("Shot 02", None))
    assert [takes.new_camera(scene).name for _ in range(3)] == ["Shot 01", "Shot 03", "Shot 04"]
    assert old.name == "Dollygrip Camera" and old in takes.cameras_of(scene)


def test_takes_of_the_same_words_and_seed_are_told_apart(scene):
    add_take(scene, name="push in", job="a", take=1)
    assert labels(scene) == ["#7"]
    add_take(scene, name="push in", job="a", take=2)
    add_take(scene, name="push in", seed=8)
    assert labels(scene) == ["#7.1", "#7.2", "#8"]
    add_take(scene, name="push in", seed=8, strength=0.5)
    assert labels(scene) == ["#7.1", "#7.2", "#8 ×1", "#8 ×0.5"]
    add_take(scene, name="push in", seed=8, strength=0.5).frame_end += 10
    bpy.ops.dollygrip.duplicate_take(index=0)
    assert labels(scene) == ["#7.1", "#7.2", "#8 73f ×1", "#8 73f ×0.5", "#8 83f", "#7.1 (2)"]
    add_take(scene, name="pan left", seed=8)
    assert labels(scene)[-1] == "#8", "its words tell it apart"


def test_the_copy_of_a_take_whose_name_ends_in_a_number_keeps_the_number(scene):
    add_take(scene, name="zoom in 2.5")
    assert takes.shown(scene.camera).name == "zoom in 2.5", "as older files have it"
    bpy.ops.dollygrip.duplicate_take()
    assert takes.shown(scene.camera).name == "“zoom in 2.5”"
    bpy.ops.dollygrip.duplicate_take(index=0)
    assert takes.shown(scene.camera).name == "“zoom in 2.5”.001"
    add_take(scene, name="go")
    for expected in ("go.001", "go.002"):
        bpy.ops.dollygrip.duplicate_take()
        assert takes.shown(scene.camera).name == expected


def test_a_saved_take_is_called_as_the_take(scene):
    add_take(scene, name="slow push in, then pan left …")
    assert proposed() == "slow_push_in__then_pan_left.camera.json"
    takes.shown(scene.camera).name = "Hero"
    assert (proposed(), proposed("usd")) == ("Hero.camera.json", "Hero.usd")
    scene.camera = bpy.data.objects.new("Own", bpy.data.cameras.new("Own"))
    assert proposed() == "Own.camera.json"
    scene.camera = None
    assert proposed() == "camera.camera.json"
