"""Where the scene stretches time, keys are not seen on their own frames: jobs on takes are refused at once."""

import bpy
import pytest
from bl_ext.user_default.dollygrip import compat
from bl_ext.user_default.dollygrip.takes import takes

OPERATORS = ["predict_camera", "more_like_this", "redirect", "render_shot", "render_shots", "predict_along_path"]


@pytest.fixture
def film(ready):
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}
    state = ready.dollygrip.brief.direct
    state.prompt, state.first, state.last = "go", 3, 9
    bpy.ops.curve.primitive_bezier_curve_add()
    state.path = bpy.context.object
    ready.render.frame_map_new = 200
    return ready


@pytest.mark.parametrize("name", OPERATORS)
def test_jobs_on_takes_are_refused(film, name):
    options = {"which": "ALL"} if name == "render_shots" else {}
    with pytest.raises(RuntimeError, match="Scene stretches time from 100 to 200"):
        getattr(bpy.ops.dollygrip, name)(**options)
    assert "Time Stretching" in film.dollygrip.hint and len(film.dollygrip.take_list) == 1
    assert not compat.all_strips_of(film)
    film.render.frame_map_old = 200
    assert getattr(bpy.ops.dollygrip, name)(**options) == {"FINISHED"}


def test_a_camera_without_a_take_is_rendered_as_blender_shows_it(film):
    made = bpy.data.objects.new("Mine", bpy.data.cameras.new("Mine"))
    film.collection.objects.link(made)
    film.camera, film.frame_start, film.frame_end = made, 1, 4
    assert takes.shown(made) is None
    assert bpy.ops.dollygrip.render_shot() == {"FINISHED"}
