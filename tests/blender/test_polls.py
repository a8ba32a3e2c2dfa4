"""What cannot be done is disabled, and says why."""

from types import SimpleNamespace
from unittest.mock import MagicMock, call

import addon_utils
import bpy
import pytest
from bl_ext.user_default.dollygrip.shots import panel
from blender.sample_takes import add_take
from blender.test_fetching import EXTENSION, a_context


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("redirect", "The scene has no camera"),
        ("predict_along_path", "No path is chosen"),
        ("render_shot", "The scene has no camera"),
        ("render_shots", "The scene has no shot yet"),
        ("build_set_proxy", "no take with a reference picture yet"),
        ("pick_subject", "Choose a reference picture first"),
        ("match_picture", "Choose a reference picture first"),
        ("measure_camera", "Choose a strip"),
        ("save_take", "The scene has no camera"),
        ("duplicate_take", "The scene has no shot yet"),
        ("more_like_this", "The scene has no shot yet"),
        ("fit_range", "shows no take"),
    ],
)
def test_what_needs_something_that_an_empty_file_lacks_is_disabled_and_says_why(scene, name, why):
    operator = getattr(bpy.ops.dollygrip, name)
    assert not operator.poll()
    with pytest.raises(RuntimeError, match=why):
        operator()


@pytest.mark.parametrize("name", ["duplicate_take", "delete_take", "more_like_this", "slide_take", "fit_to_keys"])
def test_what_is_done_to_a_take_is_disabled_in_a_shot_without_one(scene, name):
    bpy.ops.dollygrip.new_shot()
    operator = getattr(bpy.ops.dollygrip, name)
    with pytest.raises(RuntimeError, match="Shot 01 has no takes yet"):
        operator()
    add_take(scene)
    assert operator.poll()


def test_removing_cuts_is_offered_where_there_are_some(scene):
    def offered() -> bool:
        layout = MagicMock()
        panel.Shots.draw(SimpleNamespace(layout=layout), a_context())
        return layout.row.return_value.row.return_value.enabled

    bpy.ops.dollygrip.new_shot()
    assert not offered()
    bpy.ops.dollygrip.bind_shot()
    assert offered()


def drawn(menu: type[bpy.types.Menu]) -> MagicMock:
    """The layout that a menu has drawn into."""
    layout = MagicMock()
    menu.draw(SimpleNamespace(layout=layout), bpy.context)
    return layout


def test_the_steps_are_in_the_render_menu_where_f3_looks(scene):
    assert call("DOLLYGRIP_MT_steps") in drawn(bpy.types.TOPBAR_MT_render).menu.call_args_list
    offered = {each.args[0] for each in drawn(bpy.types.DOLLYGRIP_MT_steps).operator.call_args_list}
    assert offered <= {f"dollygrip.{name}" for name in dir(bpy.ops.dollygrip)}
    assert {"dollygrip.predict_camera", "dollygrip.new_shot", "dollygrip.render_shot"} <= offered
    addon_utils.disable(EXTENSION)
    try:
        assert call("DOLLYGRIP_MT_steps") not in drawn(bpy.types.TOPBAR_MT_render).menu.call_args_list
    finally:
        addon_utils.enable(EXTENSION)
