"""What is drawn again: the panels where they say something else, the viewport where it shows something else."""

from types import SimpleNamespace

import pytest
from bl_ext.user_default.dollygrip.backend import fetching as fetching_module
from bl_ext.user_default.dollygrip.backend import session as session_module
from bl_ext.user_default.dollygrip.backend.fetching import fetching
from bl_ext.user_default.dollygrip.backend.worker import Orders, Status, Worker
from bl_ext.user_default.dollygrip.live import live as live_module
from bl_ext.user_default.dollygrip.live import overlay as overlay_module
from blender.sample_takes import add_take

from dollygrip.protocol import Progress


class Part:
    """An area or a region that is told to redraw, with the regions in it."""

    def __init__(self, kind, drawn, *regions):
        self.type, self.regions, self.drawn = kind, regions, drawn

    def tag_redraw(self):
        self.drawn.append(self.type)


@pytest.fixture
def drawn(monkeypatch):
    """Types of the areas and regions that were told to redraw, in a window of two areas."""
    drawn = []
    regions = (Part(kind, drawn) for kind in ("HEADER", "UI", "WINDOW"))
    screen = SimpleNamespace(areas=[Part("VIEW_3D", drawn, *regions), Part("PREFERENCES", drawn), Part("INFO", drawn)])
    manager = SimpleNamespace(windows=[SimpleNamespace(screen=screen)])
    context = SimpleNamespace(window_manager=manager)
    monkeypatch.setattr(session_module, "bpy", SimpleNamespace(context=context))
    return drawn


def test_progress_redraws_the_sidebar_and_not_the_viewport(scene, drawn):
    session_module.session.status = Status("Frames", 3, 81)
    session_module.session._tick()
    assert drawn == ["UI", "PREFERENCES"]
    session_module.session._tick()
    assert drawn == ["UI", "PREFERENCES"], "nothing else is shown"


def test_what_is_drawn_in_the_viewport_redraws_it(scene, drawn, monkeypatch):
    add_take(scene)
    overlay_module.overlay.touch()
    monkeypatch.setattr(overlay_module, "_REST", 0.0)
    overlay_module._tick()
    assert drawn == ["VIEW_3D", "PREFERENCES"]


def test_live_redraws_the_viewport_only_for_another_path(scene, drawn, monkeypatch):
    live, said = live_module.LiveDirection(), []
    live._predictor = SimpleNamespace(answer=lambda: said.pop(), answered=0, asked=0, stage="")
    live._scene = scene.session_uid
    monkeypatch.setattr(live, "_ask", lambda _context: None)
    monkeypatch.setattr(live, "_hear", lambda answer: setattr(live, *answer))
    for answer, expected in ((None, []), (("said", "Type a prompt"), ["UI", "PREFERENCES"])):
        said.append(answer)
        live.tick()
        assert drawn == expected
    drawn.clear()
    said.append(("preview", SimpleNamespace(task=SimpleNamespace(shot=SimpleNamespace(uid=1)))))
    live.tick()
    assert drawn == ["VIEW_3D", "PREFERENCES"]


def test_a_download_redraws_what_it_says_and_nothing_else(scene, drawn, monkeypatch):
    monkeypatch.setattr(fetching, "task", object())
    for done in (2_000_000_000, 2_001_000_000, 2_002_000_000):
        monkeypatch.setattr(fetching, "status", Status("Downloading", done, 75_000_000_000))
        fetching_module._tick()
    assert drawn == ["UI", "PREFERENCES"] and fetching.line == "Downloading  2.0 GB of 75.0 GB"
    monkeypatch.setattr(fetching, "status", Status("Downloading", 2_100_000_000, 75_000_000_000))
    fetching_module._tick()
    assert drawn == ["UI", "PREFERENCES"] * 2


def test_the_panel_says_that_models_load():
    told = []
    worker = Worker(None, None, None, Orders(), told.append, None)
    for stage in ("models", "depth"):
        worker._follow(Progress(job_id="0" * 32, stage=stage, done=0, total=1))
    assert told == [Status("Loading the models"), Status("Depth", 0, 1)]
