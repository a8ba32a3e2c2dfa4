"""A scene that is linked from another file, beside one of this file that has its name: nothing is made in either."""

import json

import addon_utils
import bpy
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.takes import takes

from dollygrip.errors import InputError

EXTENSION = "bl_ext.user_default.dollygrip"
MAKING = [
    "predict_camera",
    "predict_along_path",
    "redirect",
    "more_like_this",
    "render_shot",
    "render_shots",
    "new_shot",
    "bind_shot",
    "fit_range",
    "fit_to_keys",
    "duplicate_take",
    "delete_take",
    "list_takes",
    "load_take",
    "build_set_proxy",
    "set_rig",
    "add_handheld",
    "apply_physics",
    "refit",
    "capture_reference",
    "open_take",
    "start_backend",
]


@pytest.fixture
def linked(ready, tmp_path):
    """The scene "Scene" of a file with a shot and its strip, linked into this one, where it is shown."""
    assert bpy.ops.dollygrip.predict_camera() == bpy.ops.dollygrip.render_shot() == {"FINISHED"}
    library = str(tmp_path / "elsewhere" / "film.blend")
    (tmp_path / "elsewhere").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=library)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    addon_utils.enable(EXTENSION)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "own.blend"))
    with bpy.data.libraries.load(library, link=True) as (there, here):
        here.scenes = there.scenes
    [scene] = here.scenes
    own = bpy.data.scenes[scene.name, None]
    assert scene.library and not own.library and own.name == scene.name
    return scene


def state_of(own) -> tuple:
    kinds = ("objects", "cameras", "actions", "images", "curves", "meshes")
    strips = [len(compat.all_strips_of(scene)) for scene in bpy.data.scenes]
    return {kind: len(getattr(bpy.data, kind)) for kind in kinds}, strips, own.dollygrip.brief.reference


def test_nothing_is_made_there_and_one_sentence_says_so(linked):
    own = next(scene for scene in bpy.data.scenes if not scene.library)
    before = state_of(own)
    with bpy.context.temp_override(scene=linked, view_layer=linked.view_layers[0]):
        for name in MAKING:
            with pytest.raises(RuntimeError) as refused:
                getattr(bpy.ops.dollygrip, name)()
            said = str(refused.value)
            assert "Scene is linked from film.blend" in said and "Make it local" in said, f"{name}: {said}"
            assert state_of(own) == before, name
        with pytest.raises(InputError, match="is linked from film"):
            takes.new_camera(linked)
    assert state_of(own) == before


def test_a_job_of_this_file_s_scene_goes_on_there_and_not_in_the_linked_one(linked, scripted_backend, picture_path):
    """Whatever the linked one is called, and whatever was under way in its file."""
    own = next(scene for scene in bpy.data.scenes if not scene.library)
    brief = own.dollygrip.brief
    brief.reference, brief.prompt, brief.frame_count = str(picture_path), "go", 5
    own.render.resolution_x, own.render.resolution_y = 320, 180
    waiting = linked.dollygrip.waiting = json.dumps([["Camera", 1, 2]])
    strips = len(compat.all_strips_of(linked))
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}
    session.run(RenderShot.of(bpy.context, None, (1, 3)), "")
    assert [len(strip.elements) for strip in compat.all_strips_of(own)] == [3]
    assert len(compat.all_strips_of(linked)) == strips == 1
    assert "3 of 3 frames" in own.dollygrip.notice and linked.dollygrip.waiting == waiting


def test_a_copy_of_the_file_leaves_each_scene_its_reference(linked, picture_path, tmp_path):
    own = next(scene for scene in bpy.data.scenes if not scene.library)
    own.dollygrip.brief.reference, linked.dollygrip.brief.reference = str(picture_path), "//another.png"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "copy.blend"), copy=True)
    assert (own.dollygrip.brief.reference, linked.dollygrip.brief.reference) == (str(picture_path), "//another.png")
