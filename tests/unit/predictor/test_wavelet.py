"""With and without the wavelet loss, on whatever device the training left the model.

torch's "meta" device stands in for a card: like one, it computes with nothing that lies elsewhere.
"""

import attrs
import pytest
import torch

from dollygrip_backend.data.captions import draw_pairs, load_bank
from dollygrip_backend.evaluation import wavelet
from dollygrip_backend.predictor import CameraPipeline
from dollygrip_backend.training.common import read_config
from dollygrip_backend.training.predictor import CONFIG, Config

CARD = torch.device("meta")


@pytest.fixture
def bank(encoder, tmp_path_factory):
    return load_bank(draw_pairs(8, 1), tmp_path_factory.getbasetemp() / "captions", encoder)


def test_both_models_are_judged_on_the_device_that_they_were_trained_on(bank, tmp_path, monkeypatch, capsys):
    judged = []

    def train(settings, bank, reader, work):
        reader.to(CARD)
        return CameraPipeline.from_pretrained(CameraPipeline.shipped()).transformer.to(CARD)

    def judge(pipeline, cases):
        networks = (pipeline.transformer, pipeline.reader, pipeline.grounding)
        judged.append({tensor.device for network in networks for tensor in network.state_dict().values()})
        return []

    def measure(model, reader, fresh, recipe):
        assert model.device == reader.device == CARD
        return torch.zeros(4)

    monkeypatch.setattr(wavelet, "load_bank", lambda pairs, folder: bank)
    monkeypatch.setattr(wavelet, "train_trajectory", train)
    monkeypatch.setattr(wavelet, "evaluate_cases", judge)
    monkeypatch.setattr(wavelet, "band_errors", measure)
    with pytest.warns(RuntimeWarning):  # the means of no results
        wavelet.compare_wavelet([], 1, tmp_path)
    assert judged == [{CARD}, {CARD}] and capsys.readouterr().out.count("\n") == 3


def test_the_error_by_sub_band_is_measured_where_the_model_is(bank):
    pipeline = CameraPipeline.from_pretrained(CameraPipeline.shipped())
    recipe = read_config(CONFIG, Config).trajectory
    here = wavelet.band_errors(pipeline.transformer, pipeline.reader.float(), bank, recipe)
    assert here.shape == (4,) and (here > 0).all() and here[0] < 0.5
    torch.manual_seed(5)
    every = attrs.evolve(recipe, without_text=1.0)  # a share of captions to train without
    assert torch.equal(wavelet.band_errors(pipeline.transformer, pipeline.reader, bank, every), here)
    there = wavelet.band_errors(pipeline.transformer.to(CARD), pipeline.reader.to(CARD), bank, recipe)
    assert there.shape == (4,) and there.device == CARD
