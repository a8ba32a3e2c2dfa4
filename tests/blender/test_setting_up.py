"""The backend set up from within Blender: an environment of its own by real pip, from packages that lie beside it."""

import os
import shutil
import sys
import time
import zipfile
from pathlib import Path

import bpy
import pytest
from bl_ext.user_default.dollygrip.backend import environment, setting_up

from dollygrip.connection import BackendError, backend_command

PROGRAM = """
import os, sys, time
def run():
    with open(os.environ["CALLS"], "a") as calls:
        print(*sys.argv[1:], file=calls)
    if sys.argv[1:] == ["doctor"]:
        time.sleep(float(os.environ.get("NAP", 0)))
        print("ERROR: it does not run here") if os.environ.get("ILL") else print("well")
        sys.exit(1 if os.environ.get("ILL") else 0)
"""


def make_wheel(folder: Path, name: str, files: dict[str, str]) -> Path:
    info = f"{name}-1.0.dist-info"
    files = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in files.items():
            archive.writestr(inside, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{inside},,\n" for inside in [*files, f"{info}/RECORD"]))
    return path


@pytest.fixture
def material(tmp_path, monkeypatch, scene):
    """What the extension would bring along, tiny; the package index is a folder."""
    index, material = tmp_path / "index", tmp_path / "setup"
    index.mkdir()
    material.mkdir()
    make_wheel(index, "tiny", {"tiny.py": ""})
    (material / "backend.lock").write_text("# packages\ntiny==1.0\n")
    (material / "weights.lock").write_text("# none\n")
    entry = "[console_scripts]\ndollygrip = own:run\n"
    make_wheel(material, "own", {"own.py": PROGRAM, "own-1.0.dist-info/entry_points.txt": entry})
    for name, value in (
        ("PIP_NO_INDEX", "1"),
        ("PIP_FIND_LINKS", str(index)),
        ("DOLLYGRIP_HOME", str(tmp_path / "home")),
        ("CALLS", str(tmp_path / "calls")),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("DOLLYGRIP_BACKEND")
    monkeypatch.setattr(setting_up.session, "welcome", None)
    yield material
    setting_up.setting_up.__init__()


def set_up(material: Path, until="") -> list:
    """Set up and return what was told; cancelled as soon as `until` is."""
    one, told = setting_up.setting_up, []
    one.start(material)
    deadline = time.monotonic() + 120
    while not one.pump():
        assert time.monotonic() < deadline
        if one.status.text not in [status.text for status in told]:
            told.append(one.status)
        if until and one.status.text == until:
            one.cancel()
        time.sleep(0.01)
    return told


def test_a_backend_is_set_up_tried_and_found(material, tmp_path):
    assert setting_up.is_missing()
    told = [status.text for status in set_up(material)]
    assert setting_up.setting_up.error is None and setting_up.setting_up.done
    assert [text for text in told if text in ("Making an environment", "Installing Dollygrip", "Trying it")] == [
        "Making an environment", "Installing Dollygrip", "Trying it",
    ]  # fmt: skip
    [program] = backend_command()
    assert Path(program).is_relative_to(tmp_path / "home" / "backend") and os.access(program, os.X_OK)
    assert not setting_up.is_missing()
    assert (tmp_path / "calls").read_text().split() == ["doctor", "stop"], "tried, then the one before is ended"


def test_packages_are_counted():
    fetched = environment._Fetched(4)
    told = [
        (fetched(line), status)
        for line, status in (
            ("Collecting torch==2.13.0 (from -r backend.lock)", ("Fetching torch", 1)),
            ("Downloading torch-2.13.0-cp311.whl (184.5 MB)", ("Fetching torch, 184.5 MB", 1)),
            ("Requirement already satisfied: attrs==26.1.0 in somewhere", ("Fetching attrs", 2)),
            ("Processing /a/wheel-house/rich-1.0+cpu-py3-none-any.whl", ("Fetching rich", 3)),
            ("Collecting more-itertools==1.0", ("Fetching more-itertools", 4)),
            ("Collecting more-itertools", ("Fetching more-itertools", 4)),
            ("Collecting one-too-many", ("Fetching one-too-many", 4)),
            ("Installing collected packages: attrs, torch", ("Installing the packages", 4)),
        )
    ]
    assert all((said.text, said.done, said.total) == (*status, 4) for said, status in told), told


def test_what_fails_is_said_in_a_sentence_and_goes_on_where_it_was(material, tmp_path, monkeypatch):
    hidden = tmp_path / "tiny.whl"
    shutil.move(tmp_path / "index" / "tiny-1.0-py3-none-any.whl", hidden)
    set_up(material)
    error = setting_up.setting_up.error
    assert error.kind == "setup" and "tiny==1.0" in error.message and "setup.log" in error.hint
    with pytest.raises(BackendError, match="not set up"):
        backend_command()
    kept = tmp_path / "home" / "backend" / "kept"
    kept.touch()
    shutil.move(hidden, tmp_path / "index" / "tiny-1.0-py3-none-any.whl")
    monkeypatch.setenv("ILL", "1")
    set_up(material)
    assert "it does not run here" in setting_up.setting_up.error.message and setting_up.is_missing()
    monkeypatch.delenv("ILL")
    set_up(material)
    assert backend_command() and kept.exists(), "the same environment"


def test_it_can_be_cancelled_at_any_time(material, tmp_path, monkeypatch):
    monkeypatch.setenv("NAP", "60")
    began = time.monotonic()
    set_up(material, until="Trying it")
    assert time.monotonic() - began < 50 and setting_up.is_missing()
    one = setting_up.setting_up
    assert not one.active and one.error is None and not one.done, "as it was asked: no error"


def test_an_environment_whose_blender_is_gone_is_made_anew(material, tmp_path):
    set_up(material)
    python = tmp_path / "home" / "backend" / "bin" / "python"
    python.unlink()
    python.symlink_to(tmp_path / "gone")
    set_up(material)
    assert setting_up.setting_up.error is None and python.resolve().exists()


def test_a_full_disk_is_said_before_anything_is_made(material, tmp_path, monkeypatch):
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 10**12, 10**9))
    set_up(material)
    assert "needs 3 GB" in setting_up.setting_up.error.message and not (tmp_path / "home" / "backend").exists()


def test_a_python_that_makes_no_environments_is_named(material, tmp_path, monkeypatch):
    python = tmp_path / "python"
    without = "import sys; sys.modules['ensurepip'] = None; exec(sys.argv[1])"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{without}" "$2"\n')
    python.chmod(0o755)
    monkeypatch.setattr(setting_up.sys, "executable", str(python))
    set_up(material)
    error = setting_up.setting_up.error
    assert f"{python}, by which this Blender runs, lacks `ensurepip`" in error.message and "-venv" in error.hint
    assert not (tmp_path / "home" / "backend").exists()


def test_nothing_is_fetched_where_blender_may_not_go_online(scene, monkeypatch):
    assert setting_up.MATERIAL.is_dir() and len(list(setting_up.MATERIAL.glob("*.whl"))) == 2, "the zip brings it along"
    system = bpy.context.preferences.system
    for allowed in (True, False):
        system.use_online_access = allowed
        assert bpy.ops.dollygrip.set_up_backend.poll() == allowed
