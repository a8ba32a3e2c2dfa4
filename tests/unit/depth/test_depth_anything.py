"""Depth Anything through transformers: a tiny random model of the real class, its disparity turned into depth."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from fake_hub import FakeHub
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

from dollygrip.errors import InputError
from dollygrip.protocol import PredictRequest
from dollygrip_backend.models import missing_reason, use_folder
from dollygrip_backend.scene import estimators
from dollygrip_backend.scene.depth import DepthEstimate, DepthEstimator
from dollygrip_backend.scene.depth_anything import DepthAnythingEstimator
from dollygrip_backend.scene.depth_model import DEPTH
from dollygrip_backend.scene.estimators import load_estimator
from dollygrip_backend.workers.runner import Runner

LARGE = "model.safetensors"
IMAGE = np.random.default_rng(3).integers(0, 256, (70, 98, 3), np.uint8)


def tiny(kind: str) -> DepthAnythingForDepthEstimation:
    backbone = Dinov2Config(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=70,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False,
    )
    torch.manual_seed(1)
    return DepthAnythingForDepthEstimation(
        DepthAnythingConfig(
            backbone_config=backbone,
            reassemble_hidden_size=32,
            neck_hidden_sizes=[8, 8, 16, 16],
            fusion_hidden_size=8,
            head_hidden_size=8,
            depth_estimation_type=kind,
            max_depth=20,
        )
    )


@pytest.fixture(scope="module", params=["relative", "metric"])
def folder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    tiny(request.param).save_pretrained(folder)
    return folder


@pytest.fixture
def offline_cache(tmp_path, monkeypatch):
    """An empty hub cache, and a home that knows of no model."""
    monkeypatch.setenv("DOLLYGRIP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))


def test_a_real_model_class_gives_depth_of_any_image(folder):
    estimator = load_estimator(model=str(folder))
    assert estimator.name == str(folder)
    estimate = estimator.estimate(IMAGE)
    own = DepthEstimator.load().estimate(IMAGE)
    assert estimate.depth.shape == IMAGE.shape[:2] and estimate.depth.dtype == np.float32
    assert np.isfinite(estimate.depth).any() and estimate.depth.min() > 0
    assert estimate.view_degrees == own.view_degrees
    with pytest.raises(InputError, match="uint8"):
        load_estimator(model=str(folder)).estimate(IMAGE.astype(float))


def test_disparity_becomes_depth_with_the_scale_of_the_embedded_network(monkeypatch):
    estimator = DepthAnythingEstimator(tiny("relative"), DepthEstimator.load())
    ramp = torch.linspace(0, 8, 98).expand(1, 70, 98)  # 0 on the left: infinitely far; larger is nearer

    class Output:
        predicted_depth = ramp

    monkeypatch.setattr(estimator.model, "forward", lambda **_: Output())
    depth = estimator.estimate(IMAGE).depth
    sky = np.arange(98) < 3  # below a twentieth of the median disparity
    np.testing.assert_array_equal(np.isinf(depth), np.tile(sky, (70, 1)))
    own = estimator.embedded.estimate(IMAGE).depth
    assert np.median(depth[:, ~sky]) == pytest.approx(np.median(own[np.isfinite(own)]))
    product = depth[:, ~sky] * ramp[0, :, ~sky].numpy()
    np.testing.assert_allclose(product, product[0, 0], rtol=0.02)


def test_a_sky_of_no_disparity_over_most_of_the_picture_is_no_surface(monkeypatch):
    estimator = DepthAnythingEstimator(tiny("relative"), DepthEstimator.load())
    disparity = torch.zeros(1, 70, 98)
    disparity[:, 50:] = 2.0

    class Output:
        predicted_depth = disparity

    class Below:
        """An embedded network that sees the ground, 5 m away, where it is."""

        def estimate(self, image):
            depth = np.full(image.shape[:2], np.inf, np.float32)
            depth[50:] = 5
            return DepthEstimate(depth, 60.0)

    monkeypatch.setattr(estimator.model, "forward", lambda **_: Output())
    estimator.embedded = Below()
    depth = estimator.estimate(IMAGE).depth
    assert np.isinf(depth[:50]).all() and depth[50:] == pytest.approx(5)


def test_without_weights_the_embedded_network_is_used(offline_cache):
    assert type(load_estimator()) is DepthEstimator
    assert type(load_estimator(model="embedded")) is DepthEstimator


def test_provenance_tells_the_embedded_network_from_a_model_and_its_revision(offline_cache, tmp_path, folder):
    assert estimators.estimator_name() == "embedded" == load_estimator().name
    kept = tmp_path / f"models--{DEPTH.repo.replace('/', '--')}"
    shutil.copytree(folder, kept / "snapshots" / "0a1b2c")
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("0a1b2c")
    assert missing_reason(DEPTH) == ""
    assert estimators.estimator_name() == f"{DEPTH.repo}@0a1b2c" == load_estimator().name
    (kept / "refs" / "main").unlink()  # which a download of a commit does not write
    (tmp_path / "home").mkdir()
    (tmp_path / "home/models.json").write_text(json.dumps({DEPTH.name: {"repo": DEPTH.repo, "commit": "0a1b2c"}}))
    assert load_estimator().name == load_estimator(model=DEPTH.repo).name == f"{DEPTH.repo}@0a1b2c"


def test_a_model_asked_for_by_name_is_never_replaced_in_silence(offline_cache):
    with pytest.raises(InputError, match="someone/else is not on this machine"):
        load_estimator(model="someone/else")


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(InputError, match=tmp_path.name):
        load_estimator(model=str(tmp_path))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda kept: (kept / "config.json").write_text('{"model_type": "vit"}'), "holds a vit, not a depth_anything"),
        (lambda kept: (kept / "config.json").write_text("{"), "holds no Depth Anything model"),
        (lambda kept: (kept / LARGE).unlink(), "no safetensors weights"),
        (lambda kept: os.truncate(kept / LARGE, (kept / LARGE).stat().st_size - 1), "its download was cut off"),
    ],
)
def test_a_damaged_model_is_named_and_the_embedded_network_sees_instead(offline_cache, tmp_path, folder, damage, says):
    kept = Path(shutil.copytree(folder, tmp_path / "kept"))
    use_folder(DEPTH, kept)
    assert estimators.estimator_name() != "embedded"
    damage(kept)
    assert says in missing_reason(DEPTH) and "dollygrip models download depth-anything" in missing_reason(DEPTH)
    assert estimators.estimator_name() == "embedded"
    assert type(load_estimator()) is DepthEstimator


def test_a_worker_takes_the_network_that_was_fetched_meanwhile_for_its_next_job(offline_cache, folder):
    """Also for the picture that it has seen with the other one."""
    runner, request = Runner(), PredictRequest(prompt="dolly in", frames=5, size=(98, 70))

    def estimator() -> str:
        [take] = runner.run(request, {"image": IMAGE}, lambda *_: None)
        return take.meta["depth_estimator"]

    assert estimator() == "embedded"
    use_folder(DEPTH, folder)
    assert estimator() == DEPTH.repo
    assert [name for name in runner._models if name.startswith("depth ")] == [f"depth {DEPTH.repo}"]


def test_the_command_asks_before_it_fetches_the_default_model(tmp_path, folder):
    with FakeHub(DEPTH.repo, folder).running() as hub:

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            places = {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path), "DOLLYGRIP_HOME": str(tmp_path / "home")}
            command = [sys.executable, "-c", "from dollygrip_backend.cli.main import app; app()", "models", *arguments]
            return subprocess.run(command, env=os.environ | places, capture_output=True, text=True, input="n\n")

        refused = run("depth")
        assert refused.returncode == 1 and "test-licence-1.0" in refused.stderr and not hub.ranges
        done = run("depth", "--yes")
        assert done.returncode == 0, done.stderr
        assert len(hub.ranges) == 1 and "ready" in run("list").stdout
        assert Path(done.stdout.strip(), LARGE).read_bytes() == (folder / LARGE).read_bytes()
