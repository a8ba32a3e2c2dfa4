"""Engines of other packages, registered by real entry points, and what the registry says on other computers."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dollygrip.errors import InputError
from dollygrip.protocol import RenderRequest, TrajectoryHeader
from dollygrip.trajectory import Trajectory
from dollygrip_backend.jobs.validation import validate
from dollygrip_backend.server.capabilities import devices
from dollygrip_backend.video import hardware, registry
from dollygrip_backend.video.specs import PRESETS, SANA_WM, SPECS

ROOT = Path(__file__).parents[3]

LIST = """
import json, sys
from dollygrip_backend.video import engine_info, engine_names
infos = [engine_info(name) for name in engine_names()]
print(json.dumps({"torch": "torch" in sys.modules} | {info.name: info.reason for info in infos}))
"""

RENDER = """
import numpy as np
from dollygrip.trajectory import Trajectory
from dollygrip_backend.video import Shot, load_engine
camera = Trajectory(np.tile(np.eye(4), (3, 1, 1)), np.tile([100.0, 100, 50, 40], (3, 1)), (100, 80), 24.0)
frames = list(load_engine("still").render(Shot(np.full((80, 100, 3), 7, np.uint8), "", camera, (100, 80))))
print(len(frames), frames[0].shape, frames[0].min(), frames[0].max())
"""


def example() -> str:
    """The engine of docs/engines.md."""
    return re.search(r"```python\n(.*?)```", (ROOT / "docs/engines.md").read_text(), re.S)[1]


@pytest.fixture
def python(tmp_path):
    """Run code in a process in which a package registers engines: install(module, code, **entry points)."""

    class Package:
        def install(self, module: str, code: str, **names: str) -> None:
            (tmp_path / f"{module}.py").write_text(code)
            info = tmp_path / f"{module}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
            lines = [f"{name.replace('_', '-')} = {module}:{cls}" for name, cls in names.items()]
            (info / "entry_points.txt").write_text("\n".join(["[dollygrip.engines]", *lines]))

        def __call__(self, code: str) -> str:
            command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stderr
            return done.stdout

    return Package()


def test_the_documented_engine_is_listed_and_renders(python):
    python.install("my_engines", example(), still="StillEngine")
    assert json.loads(python(LIST))["still"] == ""
    assert python(RENDER).split() == ["3", "(80,", "100,", "3)", "7", "7"]


@pytest.mark.parametrize(
    ("change", "name", "reason"),
    [
        (("", ""), "other", "its info is named 'still', its entry point 'other'"),
        (("def missing", "def lacking"), "still", "has no method missing()"),
        (("info = EngineInfo", "facts = EngineInfo"), "still", "has no `info`"),
        (("from dollygrip_backend", "import nothing_of_this_name\nfrom dollygrip_backend"), "still", "fails to import"),
        (("from dollygrip_backend", "import torch\nfrom dollygrip_backend"), "still", "imports torch"),
        (('return ""', "return 1 / 0"), "still", "missing() fails (ZeroDivisionError"),
        (('return ""', 'return "its weights are missing"'), "still", "its weights are missing"),
    ],
)
def test_what_is_wrong_with_an_engine_is_its_reason_and_harms_no_other(python, change, name, reason):
    python.install("my_engines", example().replace(*change, 1), **{name: "StillEngine"})
    listed = json.loads(python(LIST))
    assert reason in listed[name] and listed["embedded"] == ""


def test_no_package_takes_the_place_of_a_built_in_engine(python):
    python.install("my_engines", example(), embedded="StillEngine", auto="StillEngine", UPPER="StillEngine")
    listed = json.loads(python(LIST))
    assert listed["embedded"] == "" and "auto" not in listed and "small letters" in listed["UPPER"]
    assert listed["torch"] is False


@pytest.fixture
def card(monkeypatch):
    """Pretend that the computer has CUDA cards of so many bytes, and which models are there."""

    def pretend(*memory: int, missing: str = "") -> None:
        monkeypatch.setattr(registry, "cards", lambda: tuple(hardware.Card("TestCard", size) for size in memory))
        monkeypatch.setattr(registry, "missing_reason", lambda spec: missing)

    return pretend


def request(engine: str) -> tuple[RenderRequest, dict[str, np.ndarray]]:
    camera = Trajectory(np.tile(np.eye(4), (3, 1, 1)), np.tile([100.0, 100, 64, 40], (3, 1)), (128, 80), 24.0)
    arrays = {"image": np.zeros((80, 128, 3), np.uint8), "c2w": camera.c2w, "intrinsics": camera.intrinsics}
    return RenderRequest(prompt="", trajectory=TrajectoryHeader.of(camera), engine=engine), arrays


@pytest.mark.parametrize("name", SPECS)
def test_before_queueing_an_engine_says_what_it_lacks(name, card, monkeypatch):
    monkeypatch.setattr(registry, "cards", lambda: ())
    with pytest.raises(InputError, match="needs a CUDA card"):
        validate(*request(name))
    card(10**9)
    with pytest.raises(InputError, match=r"the TestCard has 1\.0 GB"):
        validate(*request(name))
    card(24 * 10**9, missing="its weights (about 13 GB) are not on this computer; run `dollygrip models download x`")
    with pytest.raises(InputError, match=r"about 13 GB.*dollygrip models download"):
        validate(*request(name))
    card(24 * 10**9)
    assert validate(*request(name)).engine == name


def test_auto_prefers_the_card_where_everything_is_there(card):
    card(24 * 10**9, missing="no weights")
    assert validate(*request("auto")).engine == "embedded"
    card(24 * 10**9)
    assert registry.engine_info("auto").name == "sana-wm" and registry.engine_names()[0] == "sana-wm"


@pytest.mark.parametrize(
    ("gigabytes", "used"),
    [
        ((4, 24), ["cuda:1"]),
        ((24, 4, 16), ["cuda:0", "cuda:2"]),
        ((8, 6), ["cuda:0", "cuda:1"]),
        ((1, 2), ["cuda:0", "cuda:1"]),
        ((), ["cpu"]),
    ],
)
def test_jobs_run_on_cards_that_can_do_what_the_largest_can(gigabytes, used, card):
    """Whatever card a job comes to, no engine that was available lacks the memory there."""
    sizes = [size * 10**9 for size in gigabytes]
    card(*sizes)
    assert devices() == used
    offered = {name for name in SPECS if not registry.engine_info(name).reason}
    for device in used:
        if device != "cpu":
            card(sizes[int(device.removeprefix("cuda:"))])
        assert {name for name in SPECS if not registry.engine_info(name).reason} == offered


def test_the_documented_memory_is_the_computed_one():
    text = (ROOT / "docs/engines.md").read_text()
    for preset in PRESETS:
        row = re.search(rf"^\| `{preset}` \|.*\| ([\d.]+) GB \| ([\d.]+) GB \|$", text, re.M)
        assert [float(value) for value in row.groups()] == [round(s.memory(preset) / 1e9, 1) for s in SPECS.values()]
    assert f"about {SANA_WM.download_bytes / 1e9:.0f} GB" in text
