"""What the panels say of jobs: of which shot, where, and until when."""

from unittest.mock import MagicMock

import blf
import bpy
import pytest
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.direct.predict import PredictCamera
from bl_ext.user_default.dollygrip.drawing import draw_job, wrapped
from bl_ext.user_default.dollygrip.render.render import RenderShot
from bl_ext.user_default.dollygrip.shots import panel, shots
from bl_ext.user_default.dollygrip.takes import takes
from blender.test_fetching import a_context, texts
from blender.test_jobs import error_of, pump_until
from blender.test_renamed import reopened
from blender.trucked_takes import pump_until_idle


def said(kind: str) -> str:
    """What the panel of a kind of tasks says of the last one."""
    return texts(lambda layout: draw_job(layout, a_context(), kind))


@pytest.fixture
def film(ready):
    """Two shots on the timeline, the second from frame 11 on, of which that one is shown."""
    ready.frame_end = 20
    for frame in (1, 11):
        bpy.ops.dollygrip.new_shot()
        shots.bind(ready, ready.camera, frame)
        ready.frame_set(frame)
        ready.dollygrip.brief.prompt, ready.dollygrip.brief.reference = "go", "//reference.png"
    return ready


def test_progress_names_the_shot_of_several_and_its_place(film):
    one, two = shots.of_scene(film)
    first, second = (RenderShot.of(bpy.context, shot) for shot in (one, two))
    session.start(first, "", [second])
    assert f"Rendering {one.name}: 1 of 2" in said("RenderShot")
    pump_until(lambda: session.task is not first)
    assert f"Rendering {two.name}: 2 of 2" in said("RenderShot")
    pump_until_idle()
    session.start(RenderShot.of(bpy.context, one), "")
    assert "of 1" not in said("RenderShot")
    pump_until_idle()


def test_what_came_of_a_shot_is_said_under_that_shot_alone(film):
    one, two = shots.of_scene(film)
    for operator, kind, expected in (
        (bpy.ops.dollygrip.predict_camera, "PredictCamera", "go: frames"),
        (bpy.ops.dollygrip.render_shot, "RenderShot", "frames are in"),
    ):
        operator()
        assert expected in said(kind)
        film.frame_set(1)
        assert film.camera == one and not said(kind)
        film.frame_set(11)
        assert film.camera == two and expected in said(kind)
        two.name = "Renamed"
        assert expected in said(kind)
    bpy.ops.dollygrip.new_shot()
    assert not said("RenderShot")


def test_where_a_shot_is_chosen_meanwhile_the_message_stays_with_the_one_that_was_asked(film):
    film.dollygrip.brief.prompt = "sleep=0.3"
    session.start(PredictCamera.of(bpy.context), "")
    session.last = "PredictCamera"
    film.frame_set(1)
    pump_until_idle()
    assert film.dollygrip.notice and not said("PredictCamera")
    film.frame_set(11)
    assert "frames 11 to 22" in said("PredictCamera")


def test_a_shot_beside_the_first_that_was_predicted_says_nothing_of_it(ready):
    bpy.ops.dollygrip.predict_camera()
    assert "go: frames" in said("PredictCamera")
    bpy.ops.dollygrip.new_shot()
    assert not said("PredictCamera")


def test_what_is_wrong_with_a_shot_is_said_under_that_shot_alone(film):
    film.dollygrip.brief.prompt = ""
    error_of(bpy.ops.dollygrip.predict_camera)
    assert "The prompt is empty." in said("PredictCamera")
    film.frame_set(1)
    assert not said("PredictCamera")
    film.frame_set(11)
    assert "The prompt is empty." in said("PredictCamera")


def test_what_came_of_several_shots_and_of_none_is_said_everywhere(film):
    bpy.ops.dollygrip.render_shots(which="ALL")
    notice = said("RenderShot")
    assert notice.count("frames are in") == 2
    film.frame_set(1)
    assert said("RenderShot") == notice
    bpy.ops.dollygrip.start_backend()
    film.frame_set(11)
    assert "The backend is ready." in said("StartBackend")
    film.dollygrip.brief.prompt = ""
    error_of(lambda: bpy.ops.dollygrip.render_shots(which="ALL"))
    film.frame_set(1)
    assert "The prompt is empty." in said("RenderShot"), "with the name of the shot, where that is fixed or not"


def test_what_came_of_a_shot_that_was_resumed_is_said_under_that_shot_alone(film):
    film.dollygrip.brief.prompt = "sleep=0.1"
    session.start(RenderShot.of(bpy.context), "")
    pump_until(lambda: session.task.files)
    film.camera.name = "Hero"
    scene = reopened()
    scene.frame_set(11)
    assert bpy.ops.dollygrip.resume_job() == {"FINISHED"}, scene.dollygrip.error
    assert scene.camera.name == "Hero" and "frames are in" in said("RenderShot")
    scene.frame_set(1)
    assert scene.camera.name != "Hero" and not said("RenderShot")


def test_nothing_that_was_said_is_there_in_a_file_that_is_opened(film):
    bpy.ops.wm.save_mainfile()  # which makes paths relative, and so changes what is asked
    film.dollygrip.brief.prompt = ""
    error_of(bpy.ops.dollygrip.predict_camera)
    bpy.ops.wm.save_mainfile()
    assert "The prompt is empty." in said("PredictCamera"), "the open one goes on saying it"
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert not said("PredictCamera") and not bpy.context.scene.dollygrip.error
    bpy.context.scene.dollygrip.brief.prompt = "go"
    bpy.ops.dollygrip.predict_camera()
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert not said("PredictCamera") and not bpy.context.scene.dollygrip.notice


def test_the_takes_panel_does_not_say_again_what_the_camera_panel_says(ready):
    def said() -> str:
        return texts(lambda layout: panel.draw_take(layout, a_context(), ready.camera, takes.shown(ready.camera)))

    bpy.ops.dollygrip.predict_camera()
    takes.shown(ready.camera)["dollygrip"]["meta"] = '{"plan": "pan_left 30°"}'
    assert "“go”" not in said() and "pan left 30°" in said()
    ready.dollygrip.notice += " Understood as: pan left 30°."
    assert "pan left 30°" not in said()
    bpy.ops.dollygrip.start_backend()
    assert "pan left 30°" in said(), "that message is gone"
    ready.dollygrip.brief.prompt = "another"
    assert "“go”" in said()


@pytest.mark.parametrize("width", [180, 280, 900])
def test_no_line_is_wider_than_a_box_in_the_sidebar_leaves(scene, width):
    context, words = (
        a_context(),
        "The scene's 1920×1080 shows 84% of this picture, of MMMM WWWW by WWWW.",
    )
    context.region.width = width

    def lines(text: str) -> list[str]:
        layout = MagicMock()
        wrapped(layout, context, text, "INFO")
        return [call.kwargs["text"] for call in layout.column.return_value.label.call_args_list]

    path = "/films/" + "long_folder/" * 20
    assert " ".join(lines(words)) == words and "".join(lines(path)) == path
    blf.size(0, context.preferences.ui_styles[0].widget.points)
    assert max(blf.dimensions(0, line)[0] for line in lines(words) + lines(path)) <= width - 98
    assert lines("") == [""]
