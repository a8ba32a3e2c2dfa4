"""The reference is looked at before Predict is pressed: once, quietly, and so that nothing is left to be loaded."""

import sqlite3
import time

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip.backend import server
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.direct.ahead import ahead
from bl_ext.user_default.dollygrip.direct.predict import PredictCamera
from bl_ext.user_default.dollygrip.references import picture

from dollygrip.connection import CONNECTION_FILE, BackendError


@pytest.fixture(autouse=True)
def nothing_looked_at():
    """As in a Blender that was just started."""
    ahead.__init__()
    yield
    ahead.close()


def tick() -> None:
    """What Blender's timer does, until a look that it began is over."""
    while ahead.tick() is not None:
        time.sleep(0.02)
    deadline = time.monotonic() + 60
    while ahead.busy:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def jobs(backend) -> list[str]:
    with sqlite3.connect(backend.home / "jobs.sqlite") as store:
        return [row[0] for row in store.execute("SELECT state FROM jobs ORDER BY number")]


def test_a_reference_is_looked_at_once_while_its_prompt_is_typed(ready, scripted_backend, tmp_path):
    brief = ready.dollygrip.brief
    for end in range(1, 9):
        brief.prompt = "pan left"[:end]
        tick()
    assert jobs(scripted_backend) == ["done"]
    picture.write_png(tmp_path / "other.png", np.full((40, 60, 3), 90, np.uint8))
    brief.reference = str(tmp_path / "other.png")
    tick()
    assert jobs(scripted_backend) == ["done", "done"], "another picture"
    brief.scene_depth, brief.prompt = 3.0, "pan right"
    tick()
    assert jobs(scripted_backend) == ["done"] * 3, "another scale"


def test_nothing_is_looked_at_unless_something_is_asked(ready, scripted_backend):
    ahead.__init__()
    tick()
    ready.dollygrip.brief.frame_count = 30
    tick()
    assert jobs(scripted_backend) == []


def test_a_running_job_is_left_alone(ready, scripted_backend, tmp_path):
    ready.dollygrip.brief.prompt = f"until={tmp_path / 'go'}"
    session.start(PredictCamera.of(bpy.context), None)
    try:
        tick()
        assert not ahead.busy
    finally:
        (tmp_path / "go").touch()
        while session.active:
            session.pump()
    assert jobs(scripted_backend) == ["done"]


def test_what_is_left_before_it_has_connected_starts_no_backend(scene, backend_home, monkeypatch):
    monkeypatch.setattr(server, "_spawn", lambda *_: pytest.fail("a backend was started"))
    with pytest.raises(BackendError) as caught:
        server.connect("", lambda: None, lambda: True)
    assert caught.value.kind == "cancelled"


@pytest.mark.parametrize("wrong", ["no picture", "no backend"])
def test_what_goes_wrong_is_said_by_the_job_alone(scene, backend_home, monkeypatch, picture_path, wrong):
    monkeypatch.setenv("DOLLYGRIP_BACKEND", "/nowhere/dollygrip")
    state = scene.dollygrip
    state.brief.reference = str(picture_path) if wrong == "no backend" else "//gone.png"
    state.brief.prompt = "pan left"
    tick()
    assert state.error == state.notice == "" and not session.active
    with pytest.raises(RuntimeError, match="backend" if wrong == "no backend" else "does not exist"):
        bpy.ops.dollygrip.predict_camera()


def test_predict_finds_backend_worker_and_models_up(scene, backend_home, picture_path, monkeypatch):
    said = []
    monkeypatch.setattr(session, "_show", lambda status: said.append(status.text))
    brief = scene.dollygrip.brief
    brief.reference, brief.prompt, brief.frame_count = str(picture_path), "pan left", 5
    tick()
    assert (backend_home / CONNECTION_FILE).exists() and session.welcome.engines
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"}
    assert "Camera" in said and not {"Starting the backend", "Loading the models", "Depth"} & set(said)
