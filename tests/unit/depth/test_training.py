"""Training: crops keep their geometry, a few steps learn, a stopped run goes on as if it had not been stopped."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import nn

from dollygrip.errors import DollygripError, InputError
from dollygrip_backend.data.augment import disturb, mirrored_crop
from dollygrip_backend.data.scenes import Scene
from dollygrip_backend.evaluation.depth import evaluate_depth
from dollygrip_backend.scene.depth import DepthEstimator
from dollygrip_backend.scene.depth_network import DepthNetwork
from dollygrip_backend.training import depth
from dollygrip_backend.training.common import Run, drawn_ahead, learning_rate, step_random
from dollygrip_backend.training.depth import centred, edge_loss, relative_loss, train_depth

SMOKE = depth.CONFIG.with_name("depth_smoke.toml")
SCENES = Path(__file__).parents[2] / "data" / "scenes"


def floor_scene(height: float = 1.5, focal: float = 60.0, size: tuple[int, int] = (80, 48)) -> Scene:
    """A level camera over a floor: depth = focal * height / (row - middle), sky above."""
    below = np.arange(size[1]) + 0.5 - size[1] / 2
    with np.errstate(divide="ignore"):
        depth = np.where(below > 0, focal * height / below, np.inf)[:, None].repeat(size[0], 1)
    rgb = np.where(np.isfinite(depth)[..., None], [90, 80, 60], [150, 180, 240]).astype(np.uint8)
    intrinsics = np.array([[focal, focal, size[0] / 2, size[1] / 2]])
    return Scene("floor", rgb[None], depth[None].astype(np.float32), np.eye(4)[None], intrinsics)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(48, 32), (32, 48), (40, 40)]))
def test_a_crop_is_the_view_of_a_longer_lens(seed, size):
    """On a floor, depth over two rows is inverse to their distance from the horizon, whose step is height * fx."""
    scene = floor_scene()
    rgb, depth, zoom = mirrored_crop(scene.rgb[0], scene.depth[0], size, 0.6, np.random.default_rng(seed))
    assert rgb.shape == (size[1], size[0], 3) and depth.shape == (size[1], size[0])
    inverse = 1 / depth[np.isfinite(depth[:, 0]), 0]
    if len(inverse) < 6:
        return
    slope = (inverse[-1] - inverse[0]) / (len(inverse) - 1)  # 1 / (fx in pixels of the crop * camera height)
    focal = 60 / 80 * zoom * size[0]
    assert abs(1 / (slope * 1.5) / focal - 1) < 0.25  # rows are sampled, hence a row's error at either end


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_disturbed_pictures_stay_pictures(seed):
    random = np.random.default_rng(seed)
    out = disturb(random.integers(0, 256, (24, 32, 3), np.uint8), random)
    assert out.shape == (24, 32, 3) and out.dtype == np.float32
    assert np.isfinite(out).all() and out.min() >= 0 and out.max() <= 1


def test_edges_cost_nothing_where_the_error_is_even_and_skip_the_sky():
    error, seen = torch.full((1, 16, 16), 0.7), torch.ones(1, 16, 16, dtype=torch.bool)
    assert edge_loss(error, seen) == 0
    error[:, :8] = 5.0
    assert edge_loss(error, seen) > 0
    seen[:, :8] = False
    assert edge_loss(error, seen) == 0


@given(st.integers(0, 1000), st.floats(-3, 3))
def test_the_shape_loss_knows_no_scale(seed, shift):
    random = torch.Generator().manual_seed(seed)
    error = torch.randn(2, 12, 15, generator=random)
    seen = torch.rand(2, 12, 15, generator=random) > 0.3
    losses = []
    for offset in (0.0, shift):
        shifted = (error + offset).requires_grad_()
        loss = relative_loss(centred(shifted, seen)[0], seen)
        loss.backward()
        assert shifted.grad.sum((1, 2)).abs().max() < 1e-5  # nothing pushes the whole nearer or farther
        losses.append(loss.item())
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


@given(st.floats(0.01, 0.9))
def test_too_far_costs_what_absrel_counts_and_more_than_too_near(log):
    seen = torch.ones(1, 1, 1, dtype=torch.bool)
    far, near = (relative_loss(torch.full((1, 1, 1), sign * log), seen).item() for sign in (1, -1))
    assert far == pytest.approx(np.exp(log) - 1, rel=1e-4) and near == pytest.approx(log, rel=1e-4)


def test_a_picture_of_sky_alone_costs_nothing():
    error, seen = torch.full((1, 6, 6), 9.0, requires_grad=True), torch.zeros(1, 6, 6, dtype=torch.bool)
    loss = relative_loss(centred(error, seen)[0], seen)
    loss.backward()
    assert loss == 0 and not error.grad.any()


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """The result of an unbroken smoke run on the rendered scenes of the tests."""
    out = tmp_path_factory.mktemp("depth") / "whole"
    train_depth(SMOKE, SCENES, out)
    return out


def test_a_stopped_run_ends_where_an_unbroken_one_does(trained, monkeypatch):
    def stop_at_70(step, *args):
        if step == 70:
            raise KeyboardInterrupt
        return learning_rate(step, *args)

    broken = trained.with_name("broken")
    monkeypatch.setattr(depth, "learning_rate", stop_at_70)
    with pytest.raises(KeyboardInterrupt):
        train_depth(SMOKE, SCENES, broken)
    monkeypatch.undo()
    train_depth(SMOKE, SCENES, broken)
    whole, again = (load_file(folder / "diffusion_pytorch_model.safetensors") for folder in (trained, broken))
    assert all(torch.equal(whole[name], again[name]) for name in whole)


@pytest.mark.parametrize("before", ["the weights", "the checkpoint"])
def test_a_run_that_is_killed_while_it_saves_ends_with_its_weights(trained, tmp_path, monkeypatch, before):
    def kill(*_):
        raise KeyboardInterrupt

    config = tmp_path / "two.toml"
    config.write_text(re.sub(r"(?m)^steps = \d+", "steps = 2", SMOKE.read_text()))
    train_depth(config, SCENES, tmp_path / "whole", trained)
    monkeypatch.setattr(Run, "ship" if before == "the weights" else "save", kill)
    with pytest.raises(KeyboardInterrupt):
        train_depth(config, SCENES, tmp_path / "killed", trained)
    monkeypatch.undo()
    train_depth(config, SCENES, tmp_path / "killed", trained)
    whole, again = (load_file(tmp_path / name / "diffusion_pytorch_model.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_weights_that_a_full_disk_cuts_short_leave_those_before(trained, monkeypatch):
    def full(_, folder):
        folder.mkdir()
        (folder / "diffusion_pytorch_model.safetensors").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    weights = trained / "diffusion_pytorch_model.safetensors"
    before = weights.read_bytes()
    network = DepthNetwork.from_pretrained(trained)
    run = Run(network, torch.optim.AdamW(network.parameters()))
    with monkeypatch.context() as patch:
        patch.setattr(DepthNetwork, "save_pretrained", full)
        with pytest.raises(OSError, match="No space"):
            run.ship(trained)
    assert weights.read_bytes() == before
    run.ship(trained)
    assert not (trained / "weights.new").exists() and DepthNetwork.from_pretrained(trained)


def test_a_training_may_go_on_from_finished_weights(trained, tmp_path):
    lines = SMOKE.read_text().splitlines()
    slow = {"steps": "1", "rate": "1e-9"}
    config = tmp_path / "one.toml"
    config.write_text("\n".join(f"{k} = {slow[k]}" if (k := line.split(" ")[0]) in slow else line for line in lines))
    train_depth(config, SCENES, tmp_path / "further", trained)
    first, further = (
        load_file(folder / "diffusion_pytorch_model.safetensors") for folder in (trained, tmp_path / "further")
    )
    for name, weight in first.items():
        torch.testing.assert_close(further[name], weight, rtol=1e-3, atol=1e-5)


def test_a_checkpoint_is_gone_on_from_by_its_own_recipe_alone(trained, tmp_path, monkeypatch):
    out, config = tmp_path / "out", tmp_path / "one.toml"
    config.write_text(re.sub(r"(?m)^steps = \d+", "steps = 1", SMOKE.read_text()))
    train_depth(config, SCENES, out, trained)
    monkeypatch.setattr(depth, "ViewPool", None)  # refused before anything is read
    with pytest.raises(InputError, match="another recipe") as refused:
        train_depth(config, SCENES, out)
    assert str(out) in refused.value.message and "--fresh" in refused.value.hint
    config.write_text(config.read_text().replace("edge_weight", "edge_weight = 0.123 # ", 1))
    with pytest.raises(InputError, match="another recipe"):
        train_depth(config, SCENES, out, trained)
    before = (out / "checkpoint" / "run.json").read_text()
    (out / "checkpoint").rename(out / "checkpoint.old")  # a kill while the next one was put in place
    with pytest.raises(InputError, match="another recipe"):
        train_depth(config, SCENES, out, trained)
    monkeypatch.undo()
    train_depth(config, SCENES, out, trained, resume=False)
    assert (out / "checkpoint" / "run.json").read_text() != before


@pytest.mark.parametrize("portions", ["[0.7, 0.2]", "[1.0]"])
def test_portions_are_one_for_each_size_and_make_a_whole(tmp_path, portions):
    config = tmp_path / "portions.toml"
    config.write_text(re.sub(r"(?m)^portions = .*", f"portions = {portions}", SMOKE.read_text()))
    with pytest.raises(InputError, match="portions"):
        train_depth(config, SCENES, tmp_path / "out")


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_step_that_is_not_finite_is_told_and_touches_no_weight(what):
    model = nn.Linear(2, 1)
    run = Run(model, torch.optim.AdamW(model.parameters()))
    before = [parameter.clone() for parameter in model.parameters()]
    weight = model.weight.sum()
    loss = (weight.detach() * torch.nan + 0 * weight) if what == "loss" else (weight - weight.detach()).sqrt()
    with pytest.raises(DollygripError, match=f"The {what} of step 0"):
        run.descend(loss, 1e-3)
    assert all(torch.equal(*both) for both in zip(before, model.parameters(), strict=True)) and run.step == 0


def test_a_checkpoint_of_other_scenes_is_refused(tmp_path):
    data, config = tmp_path / "data", tmp_path / "one.toml"
    shutil.copytree(SCENES, data)
    config.write_text(re.sub(r"(?m)^steps = \d+", "steps = 1", SMOKE.read_text()))
    train_depth(config, data, tmp_path / "out")
    first = min(data.glob("*.npz"))
    shutil.copy(first, data / "more.npz")
    with pytest.raises(InputError, match="its data"):
        train_depth(config, data, tmp_path / "out")


def test_the_only_checkpoint_stays_until_another_is_whole(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    model = nn.Linear(2, 2)
    run = Run(model, torch.optim.AdamW(model.parameters()), step=100)
    run.save(tmp_path / "checkpoint")
    (tmp_path / "checkpoint").rename(tmp_path / "checkpoint.old")  # a kill while the next one was put in place
    run.step = 200
    with monkeypatch.context() as patch:
        patch.setattr("dollygrip_backend.training.common.save_file", full)
        with pytest.raises(OSError, match="No space"):
            run.save(tmp_path / "checkpoint")
    assert run.resume(tmp_path / "checkpoint") and run.step == 100
    run.save(tmp_path / "checkpoint")
    assert [folder.name for folder in tmp_path.iterdir()] == ["checkpoint"]


def test_a_fresh_run_that_is_killed_at_once_leaves_nothing_to_go_on_from(tmp_path, monkeypatch, capsys):
    def kill(*_):
        raise KeyboardInterrupt

    config = tmp_path / "one.toml"
    config.write_text(re.sub(r"(?m)^steps = \d+", "steps = 1", SMOKE.read_text()))
    train_depth(config, SCENES, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Run, "descend", kill)
        with pytest.raises(KeyboardInterrupt):
            train_depth(config, SCENES, tmp_path, resume=False)
    train_depth(config, SCENES, tmp_path)
    assert "Resuming" not in capsys.readouterr().out
    assert (tmp_path / "log.jsonl").read_text().count("\n") == 1


def test_weights_to_start_from_are_never_overwritten(trained):
    before = (trained / "diffusion_pytorch_model.safetensors").read_bytes()
    with pytest.raises(InputError, match="would overwrite") as refused:
        train_depth(SMOKE, SCENES, trained, trained / ".." / trained.name, resume=False)
    assert "another folder" in refused.value.hint
    assert (trained / "diffusion_pytorch_model.safetensors").read_bytes() == before


def test_a_network_keeps_its_size_whatever_the_configuration_says(trained, tmp_path):
    config = tmp_path / "other.toml"
    text = re.sub(r"(?m)^attention = .*", "attention = 4", SMOKE.read_text())
    config.write_text(re.sub(r"(?m)^steps = \d+", "steps = 1", text))
    train_depth(config, SCENES, tmp_path / "out", trained)
    sizes = [DepthNetwork.from_pretrained(folder).config.attention for folder in (trained, tmp_path / "out")]
    assert sizes == [1, 1]


def test_a_model_in_channels_last_resumes_as_if_it_had_not_been_stopped(tmp_path):
    def fresh() -> Run:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3)).to(memory_format=torch.channels_last)
        return Run(model, torch.optim.AdamW(model.parameters(), fused=True))

    def train(run: Run, to: int) -> Run:
        while run.step < to:
            torch.manual_seed(run.step)
            run.descend((run.model(torch.randn(2, 3, 9, 9)) - 1).square().mean(), 1e-2)
        return run

    whole = train(fresh(), 10)
    train(fresh(), 5).save(tmp_path / "checkpoint")
    resumed = fresh()
    assert resumed.resume(tmp_path / "checkpoint")
    train(resumed, 10)
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(resumed.model.state_dict()[name], value)


class Nobody(nn.Module):
    """A detector that finds nobody."""

    def find(self, image):
        return []


def test_seconds_of_training_learn_three_pictures(trained):
    network = DepthNetwork.from_pretrained(trained, local_files_only=True)
    estimator = DepthEstimator(network, Nobody(), Nobody())  # the network alone, without people put upright
    _, scores = evaluate_depth(SCENES, estimator, views=1)["all"]
    assert scores.absrel < 0.8 * scores.constant_absrel


@pytest.mark.parametrize("workers", [0, 2])
def test_what_is_drawn_ahead_comes_in_order_and_is_what_its_step_draws(workers):
    drawn = list(drawn_ahead(lambda step: step_random(5, step).random(3), range(2, 9), workers))
    assert np.array_equal(drawn, [step_random(5, step).random(3) for step in range(2, 9)])
