"""The benchmark of the diffusion engines with tiny networks: what a run on a card prints."""

import pytest
import torch
from diffusion_engines import guarded, parsed
from random_pipelines import PUBLISHED, assemble

from dollygrip_backend.video.specs import SPECS

TINY = ["--tiny", "--steps", "2", "--frames", "5"]


@pytest.mark.parametrize("engine", list(SPECS))
def test_a_measurement_says_where_the_time_went(engine):
    [line] = guarded("engines", engine, "full", parsed(TINY))
    assert line["part"] == engine and line["frames"] == 5
    phases = {"prepare", "text", "inputs", "first_step", "steps", "decode", "finish"}
    assert line["seconds"].keys() == phases and min(line["seconds"].values()) > 0
    assert line["shot_s"] == pytest.approx(sum(line["seconds"].values()))
    assert line["bare_s"] > 0 and line["extra"] > -1


def test_a_failure_is_a_line_of_its_own(monkeypatch):
    monkeypatch.setattr("random_pipelines.build", lambda *args: 1 / 0)
    [line] = guarded("engines", "sana-wm", "stream", parsed(TINY))
    assert line == {"part": "sana-wm", "preset": "stream", "error": "ZeroDivisionError: division by zero"}


@pytest.mark.parametrize("engine", list(SPECS))
def test_the_published_sizes_are_those_that_memory_is_planned_with(engine):
    spec, counted = SPECS[engine], {}

    def count(part: str, make):
        with torch.device("meta"):
            network = make()
        counted[part] = sum(value.numel() for value in network.parameters())
        return network

    assemble(spec, lambda **parts: None, PUBLISHED[engine], count)
    planned = {"text_encoder": spec.text, "transformer": spec.denoiser, "vae": spec.vae}
    assert counted == pytest.approx({part: plan.parameters for part, plan in planned.items()}, rel=0.005)
