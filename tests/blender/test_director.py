"""A director of the backend: offered where there is one, and its moves are told with the take."""

import bpy
import pytest
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.direct.predict import PredictCamera
from bl_ext.user_default.dollygrip.takes import takes
from blender.conftest import ScriptedBackend


@pytest.fixture
def directed(scene, backend_home, picture_path):
    """A scene that asks the director of a running scripted backend."""
    backend = ScriptedBackend(backend_home, "somebody/model")
    backend.start()
    scene.render.resolution_x, scene.render.resolution_y = 320, 180
    state = scene.dollygrip
    state.brief.reference, state.brief.frame_count, state.brief.prompt = str(picture_path), 5, "make her feel lonely"
    yield scene
    backend.stop()


def test_what_the_prompt_was_turned_into_is_told(directed):
    state = directed.dollygrip
    assert bpy.ops.dollygrip.start_backend() == {"FINISHED"} and session.welcome.director == "somebody/model"
    bpy.ops.dollygrip.predict_camera()
    assert takes.directed(state.take_list[0].action) == "" and "Directed" not in state.notice
    state.brief.use_director = True
    bpy.ops.dollygrip.predict_camera()
    action = state.take_list[1].action
    assert takes.directed(action) == "slowly dolly out" and "Directed as “slowly dolly out”" in state.notice
    stored = takes.provenance(action)
    assert stored["prompt"] == "make her feel lonely" and stored["meta"]["director"]["model"] == "somebody/model"
    more = PredictCamera.like(bpy.context, directed.camera, action, 1).request
    assert (more.prompt, more.direct) == ("slowly dolly out", False), "more takes obey the same moves"
