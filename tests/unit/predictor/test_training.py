"""The real training function on a tiny configuration, and the wavelet loss on its own."""

import json
import re

import numpy as np
import pytest
import torch

from dollygrip.errors import InputError
from dollygrip_backend.predictor import CameraPipeline
from dollygrip_backend.training.predictor import (
    CONFIG,
    PredictorConfig,
    draw_constraints,
    train_predictor,
    wavelet_bands,
    wavelet_loss,
)

TINY = {"captions": 64, "batch": 16, "takes": 2, "steps": 6, "outline_steps": 3, "width": 32, "heads": 2, "depth": 1,
        "memory_depth": 1, "word_width": 4, "bfloat16": "false"}  # fmt: skip


@pytest.fixture
def tiny(tmp_path):
    text = CONFIG.read_text()
    for key, value in TINY.items():
        text, count = re.subn(rf"(?m)^{key} = \S+", f"{key} = {value}", text)
        assert count == 1, key
    file = tmp_path / "tiny.toml"
    file.write_text(text)
    return file


def test_it_trains_saves_and_predicts(tiny, tmp_path):
    steps = []
    means = train_predictor(tiny, tmp_path / "out", tmp_path / "work", progress=lambda done, total: steps.append(done))
    assert steps == [1, 2, 3, 4, 5, 6]
    assert set(means) == {"outline", "square", "wavelet", "activity"} and all(np.isfinite(v) for v in means.values())
    pipe = CameraPipeline.from_pretrained(tmp_path / "out")
    assert np.isfinite(pipe(np.zeros((60, 90, 3), np.uint8), "pan left", frames=9)[0].c2w).all()


def test_a_killed_run_goes_on_to_the_same_weights(tiny, tmp_path):
    class KillError(Exception):
        pass

    def kill(done, total):
        if done == 5:
            raise KillError

    train_predictor(tiny, tmp_path / "whole", tmp_path / "work")
    (tmp_path / "half").mkdir()
    (tmp_path / "work" / "captions").rename(tmp_path / "half" / "captions")
    with pytest.raises(KillError):
        train_predictor(tiny, tmp_path / "out", tmp_path / "half", progress=kill, save_every=2)
    assert json.loads((tmp_path / "half" / "checkpoint" / "run.json").read_text())["step"] == 4
    train_predictor(tiny, tmp_path / "out", tmp_path / "half", save_every=2)
    ours, theirs = (
        CameraPipeline.from_pretrained(tmp_path / name).transformer.state_dict() for name in ("out", "whole")
    )
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=0, atol=2e-3)


def test_the_wavelet_loss_weighs_jitter_against_its_own_band():
    time = torch.linspace(0, 1, 64)[None, :, None]
    true = (3 * time**2 - 2 * time**3).repeat(8, 1, 7)
    offset, jitter = (
        torch.full_like(true, 0.02),
        0.02 * torch.randn(true.shape, generator=torch.Generator().manual_seed(0)),
    )
    assert wavelet_loss(true, true) == 0
    assert wavelet_loss(true + jitter, true) > 4 * wavelet_loss(true + offset, true)
    assert len(wavelet_bands(true)) == 4
    predicted = true.clone().requires_grad_()
    wavelet_loss(predicted + jitter, true).backward()
    assert predicted.grad.abs().sum() > 0


def test_constraints_are_keyframes_or_paths():
    given = draw_constraints(1.0, 200, np.random.default_rng(0))
    known = given.max(2).sum(1)
    assert set(np.unique(given)) == {0.0, 1.0} and (known >= 1).all()
    assert {64.0, 1.0} <= set(known)
    assert draw_constraints(0.0, 50, np.random.default_rng(0)).sum() == 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [("seed = 1", "sed = 1", "sed"), ("seed = 1", 'seed = "one"', "seed"), ("seed = 1", "seed = ", "not valid")],
)
def test_a_wrong_configuration_is_named(tmp_path, old, new, says):
    file = tmp_path / "bad.toml"
    file.write_text(CONFIG.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=says):
        PredictorConfig.read(file)
    with pytest.raises(InputError, match="Cannot read"):
        PredictorConfig.read(tmp_path / "none.toml")
