"""The weights of the big models: what is complete, what is not, and downloads from a hub on this machine."""

import collections
import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import pytest
import torch
from fake_hub import COMMIT, FakeHub
from safetensors.torch import save_file
from tiny_pipelines import save_wan_vace

from dollygrip.errors import DollygripError
from dollygrip_backend import models
from dollygrip_backend.models import Plan, Source, download, locate, missing_reason, use_folder
from dollygrip_backend.video.pipeline_folder import check_folder
from dollygrip_backend.video.specs import PRESETS, SANA_WM, SPECS, WAN_VACE

REPO = "own/vace"
LARGE = "transformer/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    return save_wan_vace(tmp_path_factory.mktemp("model") / "vace")


@pytest.fixture
def folder(saved, tmp_path, monkeypatch) -> Path:
    """A whole pipeline of its own for each test, and a home that knows of none."""
    monkeypatch.setenv("DOLLYGRIP_HOME", str(tmp_path / "home"))
    return Path(shutil.copytree(saved, tmp_path / "vace"))


def test_a_whole_pipeline_passes_and_can_be_used_from_its_folder(folder, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    check_folder(folder, WAN_VACE)
    assert locate(WAN_VACE) is None
    use_folder(WAN_VACE, folder)
    assert locate(WAN_VACE) == folder and missing_reason(WAN_VACE) == ""
    assert locate(SANA_WM) is None


def test_missing_weights_say_what_how_big_and_which_command(folder, monkeypatch):
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    for spec in SPECS.values():
        reason = missing_reason(spec)
        assert f"{spec.download_bytes / 1e9:.0f} GB" in reason and f"dollygrip models download {spec.name}" in reason
        assert spec.licence in reason and "\n" not in reason


def shorten(file: Path, by: int) -> None:
    file.write_bytes(file.read_bytes()[:-by])


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: (f / "model_index.json").unlink(), "holds no diffusers pipeline"),
        (lambda f: (f / "model_index.json").write_text("[1]"), "holds no diffusers pipeline"),
        (lambda f: shutil.rmtree(f / "vae"), "lacks its vae"),
        (lambda f: (f / LARGE).unlink(), "no safetensors weights"),
        (lambda f: shorten(f / LARGE, 1), "its download was cut off"),
        (lambda f: (f / LARGE).write_bytes(b""), "cut short"),
        (lambda f: (f / LARGE).write_bytes(b"\x08" + bytes(7) + b"not json"), "header cannot be read"),
        (lambda f: (f / LARGE).write_bytes(b"\xff" * 64), "cut short"),
        (
            lambda f: (f / "transformer/x.safetensors.index.json").write_text('{"weight_map": {"a": "b.safetensors"}}'),
            "b.safetensors is missing",
        ),
        (lambda f: (f / "transformer/x.safetensors.index.json").write_text("{"), "is damaged"),
    ],
)
def test_what_is_not_whole_is_named(folder, damage, says):
    damage(folder)
    with pytest.raises(DollygripError, match=says) as caught:
        check_folder(folder, WAN_VACE)
    assert caught.value.kind == "weights" and "dollygrip models" in caught.value.hint


def test_another_pipeline_is_refused_by_name(folder):
    with pytest.raises(DollygripError, match="holds a WanVACEPipeline, not a SanaWMPipeline"):
        use_folder(SANA_WM, folder)


def test_a_used_folder_that_is_gone_is_named_before_anything_is_queued(folder):
    use_folder(WAN_VACE, folder)
    shutil.rmtree(folder)
    assert str(folder) in missing_reason(WAN_VACE)


def test_a_damaged_settings_file_is_named_and_harms_nothing_else(folder, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/models.json").write_text('{"wan-vace": {"repo": "a/b", "evil": 1}}')
    assert "models.json" in missing_reason(WAN_VACE)


def test_a_full_disk_is_told_before_the_download(tmp_path, monkeypatch):
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr(models.shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 5 * 10**9, 5 * 10**9))
    plan = Plan(Source(REPO, COMMIT, str(tmp_path / "not" / "yet")), "x", 9 * 10**9, 8 * 10**9, ())
    with pytest.raises(DollygripError, match=r"5\.0 GB free, and 8\.0 GB are to be downloaded") as caught:
        download(WAN_VACE, plan)
    assert caught.value.kind == "disk" and "--folder" in caught.value.hint


def test_a_disk_that_fills_up_during_the_download_is_told_apart_from_a_lost_connection(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", full)
    with pytest.raises(DollygripError, match="disk is full") as caught:
        download(WAN_VACE, Plan(Source(REPO, COMMIT, str(tmp_path)), "x", 10, 10, ("large",)))
    assert caught.value.kind == "disk" and "is kept" in caught.value.hint


@pytest.fixture
def hub(folder):
    """A hub with the pipeline, one file of it larger than the client's buffer, and files that are not wanted."""
    save_file({"x": torch.zeros(7_000_000)}, folder / LARGE)
    (folder / "transformer/diffusion_pytorch_model.bin").write_bytes(b"could be pickled code")
    (folder / "refiner").mkdir()
    (folder / "refiner/huge.safetensors").write_bytes(bytes(1000))
    with FakeHub(REPO, folder).running() as running:
        yield running


@pytest.fixture
def dollygrip(hub, tmp_path):
    """Run `dollygrip models ...` against that hub."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        settings = {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HUB_DOWNLOAD_TIMEOUT": "5"}
        return subprocess.run(
            [sys.executable, "-c", "from dollygrip_backend.cli.main import app; app()", "models", *arguments],
            env=os.environ | settings | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_a_download_shows_licence_and_size_and_asks(dollygrip, hub, tmp_path):
    result = dollygrip("download", "wan-vace", "--repo", REPO)
    assert result.returncode == 1 and "test-licence-1.0" in result.stderr and "28.1 MB" in result.stderr
    assert not hub.ranges and not list((tmp_path / "cache").rglob("*.safetensors"))


def test_a_licence_that_has_only_a_name_is_shown_by_it(dollygrip, hub):
    hub.card = {"license": "other", "license_name": "own-licence"}
    assert "Licence: own-licence, says the hub" in dollygrip("download", "wan-vace", "--repo", REPO).stderr


def test_a_broken_connection_is_taken_up_where_it_broke(dollygrip, hub, folder):
    hub.cut_after = 21_000_000
    result = dollygrip("download", "wan-vace", "--repo", REPO, "--yes")
    assert result.returncode == 0, result.stderr
    assert [start for start in hub.ranges if int(start.strip("bytes=-") or 0) >= 20 << 20], hub.ranges
    assert (Path(result.stdout.strip()) / LARGE).read_bytes() == (folder / LARGE).read_bytes()


def test_a_download_that_failed_keeps_what_is_complete_and_is_found_in_the_chosen_folder(
    dollygrip, hub, folder, tmp_path
):
    chosen = tmp_path / "chosen"
    hub.cut_after = 1_000_000  # less than the client writes at once: it never gets on
    arguments = ("download", "wan-vace", "--repo", REPO, "--folder", str(chosen), "--yes")
    failed = dollygrip(*arguments)
    assert failed.returncode == 1 and "what is complete is kept" in failed.stderr and "Traceback" not in failed.stderr
    assert not (tmp_path / "home/models.json").exists()
    hub.cut_after, hub.ranges = None, []
    done = dollygrip(*arguments)
    assert done.returncode == 0, done.stderr
    assert len(hub.ranges) == 1
    snapshot = Path(done.stdout.strip())
    assert snapshot.is_relative_to(chosen) and snapshot.name == COMMIT
    assert (snapshot / LARGE).read_bytes() == (folder / LARGE).read_bytes()
    names = {file.name for file in snapshot.rglob("*")}
    assert not names & {"diffusion_pytorch_model.bin", "huge.safetensors", "refiner"}
    assert json.loads((tmp_path / "home/models.json").read_text())["wan-vace"]["commit"] == COMMIT
    if sys.platform != "win32":
        assert not any((tmp_path / "home" / name).stat().st_mode & 0o077 for name in (".", "models.json"))
    assert "ready" in dollygrip("list").stdout and locate(WAN_VACE) == snapshot


def test_bytes_that_are_not_the_hubs_are_found_out(dollygrip, hub, tmp_path):
    hub.corrupt = True
    result = dollygrip("download", "wan-vace", "--repo", REPO, "--yes")
    assert result.returncode == 1 and "not what the hub says it is" in result.stderr
    assert "Traceback" not in result.stderr and not (tmp_path / "home/models.json").exists()


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (("wan-vace", "--repo", "own/nothing"), {}, "no model own/nothing"),
        (("wan-vace", "--repo", "a/b/c"), {}, "no name of a repository"),
        (("sana-wm", "--repo", REPO), {}, "holds a WanVACEPipeline, not a SanaWMPipeline"),
        (("sora",), {}, "no model called 'sora'"),
        (("wan-vace",), {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE"),
        (("wan-vace",), {"HF_ENDPOINT": "http://127.0.0.1:9"}, "download of Wan-AI"),
    ],
)
def test_what_cannot_be_downloaded_is_told_in_one_sentence(dollygrip, arguments, environment, says):
    result = dollygrip("download", *arguments, "--yes", **environment)
    assert result.returncode in (1, 2) and says in result.stderr
    assert result.stderr.startswith("Error: ") and "Traceback" not in result.stderr


@pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))
def test_each_preset_needs_no_more_than_the_one_before_and_the_choice_fits(spec):
    pixels = spec.pixels * spec.window
    needs = [spec.memory(preset) for preset in PRESETS]
    assert needs == sorted(needs, reverse=True) and len(set(needs)) == len(needs)
    for free in (96e9, 24e9, 16e9, 12e9):
        chosen = spec.choose(int(free), pixels)
        assert spec.memory(chosen, pixels) <= free
        assert all(spec.memory(p, pixels) > free * 0.92 for p in PRESETS[: PRESETS.index(chosen)])
    assert spec.choose(int(96e9), pixels) == "full"
    with pytest.raises(DollygripError, match=r"1\.0 GB are free") as caught:
        spec.choose(10**9, pixels)
    assert caught.value.kind == "memory" and "embedded" in caught.value.hint
