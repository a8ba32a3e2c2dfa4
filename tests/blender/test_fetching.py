"""Models fetched from the preferences: a real server, a hub on this machine, and Blender's own switch."""

import time
from types import SimpleNamespace
from unittest.mock import MagicMock

import addon_utils
import attrs
import bpy
import pytest
from bl_ext.user_default.dollygrip import preferences
from bl_ext.user_default.dollygrip.backend import fetching as module
from bl_ext.user_default.dollygrip.backend.fetching import DOLLYGRIP_OT_accept_model, fetching
from bl_ext.user_default.dollygrip.backend.session import session
from bl_ext.user_default.dollygrip.render import panel
from fake_hub import FakeHub, save_depth_anything

EXTENSION = "bl_ext.user_default.dollygrip"
MODEL = "depth-anything"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    save_depth_anything(tmp_path / "hub")
    with FakeHub("depth-anything/Depth-Anything-V2-Small-hf", tmp_path / "hub").running() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        yield hub
        hub.go_on.set()


@pytest.fixture
def online(scene, hub, scripted_backend, monkeypatch):
    """An open Blender that may go online, connected to a backend that knows of that hub alone."""
    monkeypatch.setattr(session, "welcome", None)
    bpy.context.preferences.system.use_online_access = True
    bpy.ops.dollygrip.start_backend()
    yield scripted_backend
    fetching.cancel()
    until_ended()


def a_context() -> SimpleNamespace:
    """What panels are drawn with where there is no window."""
    system = SimpleNamespace(ui_scale=1)  # without a window it is 0
    styles = bpy.context.preferences.ui_styles
    region, known = SimpleNamespace(width=900), SimpleNamespace(system=system, ui_styles=styles)
    return SimpleNamespace(scene=bpy.context.scene, region=region, preferences=known)


def shown() -> str:
    """All that the preferences say of the models, and the buttons' operators."""
    return texts(lambda layout: preferences.draw_models(layout, a_context()))


def texts(draw) -> str:
    layout = MagicMock()
    for made in ("box", "row", "column", "split"):
        getattr(layout, made).return_value = layout
    layout.panel.return_value = layout, None
    draw(layout)
    said = [call.kwargs.get("text", "") for call in layout.label.call_args_list + layout.progress.call_args_list]
    return " ".join([*said, *(call.args[0] for call in layout.operator.call_args_list)])


def until(condition) -> None:
    """What Blender's timer does meanwhile."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        fetching.pump()
        time.sleep(0.01)


def until_ended() -> None:
    until(lambda: fetching.task is None)


def is_there() -> bool:
    return {model.name: model.ready for model in session.welcome.models}[MODEL]


def accept() -> None:
    bpy.ops.dollygrip.fetch_model(model=MODEL)
    until_ended()
    bpy.ops.dollygrip.accept_model()


def test_a_model_is_fetched_by_two_presses_and_used_at_once(online, hub):
    assert not is_there() and shown().count("dollygrip.fetch_model") == 3 and "Licence: Apache-2.0." in shown()
    assert not bpy.ops.dollygrip.accept_model.poll(), "there is nothing to accept yet"
    bpy.ops.dollygrip.fetch_model(model=MODEL)
    until_ended()
    assert not hub.ranges, "only asked"
    dialog = texts(lambda layout: DOLLYGRIP_OT_accept_model.draw(SimpleNamespace(layout=layout), bpy.context))
    assert "Licence, as the hub states it: test-licence-1.0" in dialog and "To download: 28 MB of 28 MB" in dialog
    assert "cache" in dialog
    hub.hold_after = 12_000_000
    bpy.ops.dollygrip.accept_model()
    until(lambda: fetching.status.done > 10_000_000)
    assert "Downloading  10 MB of 28 MB" in shown() and "dollygrip.cancel_fetch" in shown()
    assert not bpy.ops.dollygrip.fetch_model.poll(), "one at a time"
    hub.go_on.set()
    until_ended()
    assert is_there() and "On this computer" in shown() and shown().count("dollygrip.fetch_model") == 2


def test_a_model_that_the_backend_s_computer_cannot_run_is_said_to_be_of_no_use(online, monkeypatch):
    """Its button is grey; of a model that runs anywhere it is not."""

    def enabled() -> dict[str, bool]:
        found = {}
        for model in session.welcome.models:
            layout = MagicMock()
            layout.row.return_value.enabled = True
            preferences.draw_model(layout, a_context(), model)
            found[model.name] = layout.row.return_value.enabled
        return found

    assert enabled() == {"depth-anything": True, "sana-wm": False, "wan-vace": False}
    assert shown().count("of no use on the backend's computer: it needs a CUDA card") == 2
    monkeypatch.setattr(session, "welcome", attrs.evolve(session.welcome, devices=["cuda:0"]))
    assert all(enabled().values()) and "of no use" not in shown()


def test_predictions_go_on_beside_a_download(online, hub, ready):
    hub.hold_after = 12_000_000
    accept()
    until(lambda: fetching.status.done > 10_000_000)
    assert bpy.ops.dollygrip.predict_camera() == {"FINISHED"} and fetching.task


def test_cancel_takes_effect_at_once_and_leaves_no_error(online, hub):
    hub.hold_after = 12_000_000
    accept()
    until(lambda: fetching.status.done > 10_000_000)
    began = time.monotonic()
    bpy.ops.dollygrip.cancel_fetch()
    until_ended()
    assert time.monotonic() - began < 2
    assert fetching.ended[1].state == "cancelled" and not is_there() and "dollygrip.cancel_fetch" not in shown()
    hub.hold_after, hub.ranges = None, []
    hub.go_on.set()
    accept()
    until_ended()
    assert is_there() and len(hub.ranges) == 1, "what was complete is kept"


def test_the_extension_s_end_leaves_a_download_to_the_backend(online, hub):
    hub.hold_after = 12_000_000
    accept()
    until(lambda: fetching.status.done > 10_000_000)
    addon_utils.disable(EXTENSION)
    addon_utils.enable(EXTENSION)
    assert bpy.ops.dollygrip.fetch_model.poll(), "the next one is not held up by the last"
    hub.go_on.set()
    accept()
    until_ended()
    assert is_there() and len(hub.ranges) == 2, "both files were fetched once"


def test_without_online_access_the_button_refuses(online, hub):
    bpy.context.preferences.system.use_online_access = False
    assert "Allow Online Access" in shown()
    with pytest.raises(RuntimeError, match=r"switch on .*Allow Online Access"):
        bpy.ops.dollygrip.fetch_model(model=MODEL)
    assert fetching.task is None and not hub.ranges


def test_a_failure_is_told_beside_the_model(online, hub):
    hub.corrupt = True
    accept()
    until_ended()
    assert "is not what the hub says it is" in shown() and "Fetch the model again" in shown()
    hub.corrupt = False
    accept()
    assert "not what the hub says" not in shown()
    until_ended()
    assert is_there()


def test_a_model_that_the_backend_does_not_offer_is_refused(online):
    with pytest.raises(RuntimeError, match="no model called own/evil"):
        bpy.ops.dollygrip.fetch_model(model="own/evil")


def test_without_a_backend_the_preferences_offer_to_start_it(scene, monkeypatch):
    monkeypatch.setattr(session, "welcome", None)
    assert "dollygrip.start_backend" in shown() and "dollygrip.fetch_model" not in shown()


def test_the_render_panel_says_why_an_engine_does_not_run_and_leads_to_the_models(online):
    scene = bpy.context.scene
    scene.dollygrip.engine = "sana-wm"
    said = texts(lambda layout: panel.Render.draw(SimpleNamespace(layout=layout), a_context()))
    [reason] = [engine.reason for engine in session.welcome.engines if engine.name == "sana-wm"]
    assert reason and f"SANA-WM: {reason}." in said and "dollygrip.show_models" in said
    scene.dollygrip.engine = "embedded"
    said = texts(lambda layout: panel.Render.draw(SimpleNamespace(layout=layout), a_context()))
    assert "dollygrip.show_models" not in said
    menu = texts(lambda layout: panel.DOLLYGRIP_MT_engine.draw(SimpleNamespace(layout=layout), bpy.context))
    assert "dollygrip.show_models" in menu


def test_sizes_are_said_as_people_say_them():
    assert [module.size_text(size) for size in (99_200_000, 12_980_000_000)] == ["99 MB", "13.0 GB"]
