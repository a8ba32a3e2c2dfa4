"""The real training commands on tiny configurations, and the wavelet loss on its own."""

import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from dollygrip.errors import InputError
from dollygrip_backend.data.captions import draw_pairs, load_bank
from dollygrip_backend.data.grammar.corpus import corpus
from dollygrip_backend.data.scenes import load_scene, save_scene
from dollygrip_backend.predictor import CameraPipeline
from dollygrip_backend.predictor.motion import CHANNELS, SAMPLES
from dollygrip_backend.predictor.network import CameraTransformer
from dollygrip_backend.predictor.reader import ShotReader
from dollygrip_backend.training import depth, embedded, reader, trajectory
from dollygrip_backend.training.common import finished, keep, read_config, train
from dollygrip_backend.training.predictor import CONFIG, Config, train_predictor
from dollygrip_backend.training.trajectory import constrain, wavelet_bands, wavelet_loss

SCENES = Path(__file__).parents[2] / "data" / "scenes"
TINY = {"captions": 64, "batch": 8, "takes": 2, "steps": 4, "prompts": 40, "prompts_in_step": 8, "phrases": 3,
        "width": 32, "heads": 2, "depth": 1, "decoder": 1,
        "bfloat16": "false"}  # fmt: skip


@pytest.fixture(autouse=True)
def few_held_out(monkeypatch):
    """A hundredth of the held-out corpus: to encode all of it takes longer than a tiny training."""
    monkeypatch.setattr(reader, "corpus", lambda held_out: corpus(held_out)[::100])


@pytest.fixture
def tiny(tmp_path):
    text = CONFIG.read_text()
    for key, value in TINY.items():
        text, count = re.subn(rf"(?m)^{key} = \S+", f"{key} = {value}", text)
        assert count, key
    file = tmp_path / "tiny.toml"
    file.write_text(text)
    return file


@pytest.fixture
def bank(encoder, tmp_path_factory):
    return load_bank(draw_pairs(64, 1), tmp_path_factory.getbasetemp() / "captions", encoder)


def test_the_command_trains_all_three_saves_and_predicts(tiny, tmp_path):
    train_predictor(tiny, SCENES, tmp_path / "out", tmp_path / "work")
    for name, parts in (("reader", {"ways", "held_out"}), ("trajectory", {"wavelet"}), ("grounding", {"places"})):
        [line] = (tmp_path / "work" / name / "log.jsonl").read_text().splitlines()
        assert json.loads(line)["step"] == 4 and parts <= json.loads(line).keys()
        assert all(np.isfinite(value) for value in json.loads(line).values())
    pipe = CameraPipeline.from_pretrained(tmp_path / "out")
    assert np.isfinite(pipe(np.zeros((60, 90, 3), np.uint8), "pan left", frames=9)[0].c2w).all()
    assert not list((tmp_path / "out").rglob("*.bin"))


def test_a_training_may_go_on_from_finished_weights(tiny, tmp_path):
    train_predictor(tiny, SCENES, tmp_path / "first", tmp_path / "work")
    tiny.write_text(re.sub(r"(?m)^steps = \d+", "steps = 0", tiny.read_text()))
    with pytest.raises(InputError, match="would overwrite"):
        train_predictor(tiny, SCENES, tmp_path / "first", tmp_path / "further", start=tmp_path / "first")
    train_predictor(tiny, SCENES, tmp_path / "second", tmp_path / "further", start=tmp_path / "first")
    first, second = (CameraPipeline.from_pretrained(tmp_path / name) for name in ("first", "second"))
    for name in ("reader", "transformer", "grounding"):
        again = getattr(second, name).state_dict()
        for key, value in getattr(first, name).state_dict().items():
            torch.testing.assert_close(again[key], value)
    assert "_name_or_path" not in (tmp_path / "second" / "reader" / "config.json").read_text()


def test_words_or_sight_may_go_on_alone(tiny, tmp_path):
    train_predictor(tiny, SCENES, tmp_path / "first", tmp_path / "work")
    words, _, sight = tiny.read_text().partition("[grounding]")
    for name, config, kept in (
        ("sight", "[grounding]" + sight, [True, True, False]),
        ("nothing of the sight", "[grounding]\nkept = 1.0" + sight, [True, True, True]),
        ("words", words, [False, False, True]),
    ):
        tiny.write_text(config)
        train_predictor(tiny, SCENES, tmp_path / name, tmp_path / f"{name} work", start=tmp_path / "first")
        first, second = (CameraPipeline.from_pretrained(tmp_path / folder) for folder in ("first", name))
        same = [
            all(torch.equal(value, getattr(second, part).state_dict()[key]) for key, value in network.items())
            for part in ("reader", "transformer", "grounding")
            for network in [getattr(first, part).state_dict()]
        ]
        assert same == kept
        with pytest.raises(InputError, match="lacks one of the tables"):
            train_predictor(tiny, SCENES, tmp_path / "third", tmp_path / "third work")
    for config in (words.partition("[trajectory]")[0] + "[grounding]" + sight, ""):
        tiny.write_text(config)
        with pytest.raises(InputError, match="lacks one of the tables"):
            train_predictor(tiny, SCENES, tmp_path / "third", tmp_path / "third work", start=tmp_path / "first")


def test_a_checkpoint_of_another_recipe_is_refused_before_anything_is_learnt(tiny, tmp_path, monkeypatch):
    words, _, sight = tiny.read_text().partition("[grounding]")
    train_predictor(tiny, SCENES, tmp_path / "first", tmp_path / "work")
    tiny.write_text("# the same\n" + words + "[grounding]" + sight)
    train_predictor(tiny, SCENES, tmp_path / "first", tmp_path / "work")
    tiny.write_text(words + "[grounding]" + sight.replace("steps = 4", "steps = 5"))
    with monkeypatch.context() as patch:
        for unused in ("load_bank", "NamedViews"):
            patch.setattr(f"dollygrip_backend.training.predictor.{unused}", None)
        with pytest.raises(InputError, match=r"work/grounding holds a checkpoint of another recipe") as refused:
            train_predictor(tiny, SCENES, tmp_path / "first", tmp_path / "work")
    assert "--fresh" in refused.value.hint
    tiny.write_text("[grounding]" + sight)
    with pytest.raises(InputError, match="another recipe"):  # those weights are another start than none
        train_predictor(tiny, SCENES, tmp_path / "second", tmp_path / "work", start=tmp_path / "first")
    train_predictor(tiny, SCENES, tmp_path / "second", tmp_path / "work", resume=False, start=tmp_path / "first")
    train_predictor(tiny, SCENES, tmp_path / "third", tmp_path / "work", start=tmp_path / "first")


def test_a_checkpoint_of_other_prompts_is_refused(tiny, bank, tmp_path):
    settings = read_config(tiny, Config).reader
    reader.train_reader(settings, bank, tmp_path)
    with pytest.raises(InputError, match="its data"):
        reader.train_reader(settings, load_bank(draw_pairs(64, 2), tmp_path), tmp_path)


@pytest.mark.parametrize(("files", "says"), [("*.none", "There are no scenes"), ("*.npz", "No view in .* by its name")])
def test_scenes_without_names_are_refused_before_anything_is_learnt(tiny, tmp_path, monkeypatch, files, says):
    monkeypatch.setattr("dollygrip_backend.training.predictor.load_bank", None)
    for file in SCENES.glob(files):
        save_scene(tmp_path / file.name, attrs.evolve(load_scene(file), objects=()))
    with pytest.raises(InputError, match=says) as refused:
        train_predictor(tiny, tmp_path, tmp_path / "out", tmp_path / "work")
    assert "dollygrip data scenes" in refused.value.hint


def test_a_fresh_run_that_is_killed_in_its_first_network_goes_on_from_no_other(tiny, tmp_path, monkeypatch):
    def kill(*_):
        raise KeyboardInterrupt

    train_predictor(tiny, SCENES, tmp_path / "first", tmp_path / "work")
    monkeypatch.setattr(reader, "_step", kill)
    with pytest.raises(KeyboardInterrupt):
        train_predictor(tiny, SCENES, tmp_path / "second", tmp_path / "work", resume=False)
    assert not list((tmp_path / "work").glob("*/checkpoint*")) and not list((tmp_path / "work").glob("*/log.jsonl"))


def test_what_is_kept_of_the_weights_before_is_a_share_of_the_mean(tmp_path):
    before, after = (ShotReader(width=32, heads=2, depth=1, decoder=1) for _ in range(2))
    before.save_pretrained(tmp_path)
    trained = {name: value.clone() for name, value in after.state_dict().items()}
    keep(0.3, after, tmp_path)
    for name, value in after.state_dict().items():
        torch.testing.assert_close(value, 0.3 * before.state_dict()[name] + 0.7 * trained[name])


def test_a_killed_reader_goes_on_to_the_same_weights(tiny, bank, tmp_path, monkeypatch):
    settings = read_config(tiny, Config).reader
    whole = reader.train_reader(settings, bank, tmp_path / "whole")
    monkeypatch.setattr(reader, "train", partial(train, save_every=2))
    real = reader._step

    def kill(run, *others):
        if run.step == 3:
            raise KeyboardInterrupt
        return real(run, *others)

    monkeypatch.setattr(reader, "_step", kill)
    with pytest.raises(KeyboardInterrupt):
        reader.train_reader(settings, bank, tmp_path / "half")
    monkeypatch.setattr(reader, "_step", real)
    assert json.loads((tmp_path / "half" / "checkpoint" / "run.json").read_text())["step"] == 2
    again = reader.train_reader(settings, bank, tmp_path / "half")
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=2e-3)


def test_a_reader_learns_the_prompts_that_it_sees(tiny, bank, tmp_path):
    settings = attrs.evolve(read_config(tiny, Config).reader, batch=32, steps=150, learning_rate=3e-3)
    learnt = reader.train_reader(
        attrs.evolve(settings, network={**settings.network, "width": 64, "drop": 0.0}), bank, tmp_path
    )
    text, program = bank.batch(np.arange(64))
    with torch.inference_mode():
        right = reader.agreement(learnt(text)[1], program).float().mean()
        before = reader.agreement(ShotReader(**settings.network).eval()(text)[1], program).float().mean()
    assert right > 0.5 > 0.3 > before
    assert 0 < (program.subject[:, 0] > 0).sum() < 64
    scores = reader.held_out_scores(learnt, bank)
    assert scores["held_out"] == pytest.approx(float(right)) and min(scores["things"], scores["nothing"]) > 0.7


def test_a_trajectory_batch_is_what_the_network_reads(tiny, bank):
    settings = attrs.evolve(read_config(tiny, Config).trajectory, constraints=0.5)
    batch = trajectory.draw_batch(bank, np.arange(8), settings, np.random.default_rng(0))
    assert batch.clean.shape == (8, 2, SAMPLES, CHANNELS) == batch.storyboard.shape == batch.given.shape
    assert torch.all(batch.clean[:, :, 0] == 0) and torch.all(batch.storyboard[:, :, 0] == 0)
    unused = batch.used == 0
    assert torch.all(batch.clean.abs().amax(2)[unused] < 1e-3)
    assert torch.all((batch.sigma >= 0) & (batch.sigma <= 1)) and batch.given.sum() > 0


def test_bent_takes_pass_through_what_is_known_and_start_where_they_did():
    time = np.linspace(0, 1, SAMPLES)[:, None]
    clean = np.repeat(time**2 * (3 - 2 * time), CHANNELS, 1)
    kinds = set()
    for seed in range(60):
        bent, given = constrain(clean, np.random.default_rng(seed))
        kinds.add(int(given.max(1).sum()))
        assert np.all(bent[0] == clean[0]) and set(np.unique(given)) == {0.0, 1.0}
        untouched = given.max(0) == 0
        np.testing.assert_array_equal(bent[:, untouched], clean[:, untouched])
    assert SAMPLES in kinds and {1, 2, 3, 4} & kinds


def test_the_wavelet_loss_weighs_jitter_against_its_own_band():
    time = torch.linspace(0, 1, 64)[None, :, None]
    true = (3 * time**2 - 2 * time**3).repeat(8, 1, 7)
    offset = torch.full_like(true, 0.02)
    jitter = 0.02 * torch.randn(true.shape, generator=torch.Generator().manual_seed(0))
    assert wavelet_loss(true, true) == 0
    assert wavelet_loss(true + jitter, true) > 4 * wavelet_loss(true + offset, true)
    assert len(wavelet_bands(true)) == 4
    predicted = true.clone().requires_grad_()
    wavelet_loss(predicted + jitter, true).backward()
    assert predicted.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("seed = 1", "sed = 1", "sed"),
        ("seed = 1", 'seed = "one"', "seed"),
        ("seed = 1", "seed = ", "not valid"),
        ("batch = 128", "batch = 8.9", "8.9 is not of the type int .*batch"),
        ("bfloat16 = true", 'bfloat16 = "false"', "'false' is not of the type bool .*bfloat16"),
        ("captions = 196608", "captions = 100", "captions = 100 are fewer than batch = 128"),
        ("prompts_in_step = ", "prompts_in_step = 1000000 # ", "fewer than prompts_in_step = 1000000"),
        ("width = 256", "wide = 256", "ShotReader has no wide"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path, old, new, says):
    file = tmp_path / "bad.toml"
    file.write_text(CONFIG.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=says):
        read_config(file, Config)
    with pytest.raises(InputError, match="Cannot read"):
        read_config(tmp_path / "none.toml", Config)


_ONE_OF_TWO = """
import sys
from pathlib import Path

from accelerate import PartialState
from safetensors.torch import save_file

from dollygrip_backend.data.grammar.corpus import corpus
from dollygrip_backend.training import grounding, reader, trajectory
from dollygrip_backend.training.common import train
from dollygrip_backend.training.predictor import train_predictor

PartialState(cpu=True)
config, scenes, folder = map(Path, sys.argv[1:])


def kept(run, name, *others, **more):
    train(run, name, *others, **more)
    save_file(run.model.state_dict(), folder / f"{name} {run.accelerator.process_index}")


reader.corpus = lambda held_out: corpus(held_out)[::100]
reader.train = trajectory.train = grounding.train = kept
train_predictor(config, scenes, folder / "out", folder / "work")
"""


@pytest.mark.parametrize("file", sorted(CONFIG.parent.glob("*.toml")), ids=lambda file: file.stem)
def test_every_recipe_is_a_configuration(file):
    kinds = {"predictor": Config, "depth": depth.Config, "embedded": embedded.Config}
    read_config(file, kinds[file.stem.partition("_")[0]])


def test_weights_of_another_kind_are_none_to_start_from(tmp_path):
    ShotReader(width=32, heads=2, depth=1, decoder=1).save_pretrained(tmp_path)
    finished(ShotReader, tmp_path)
    for kind, folder in ((CameraTransformer, tmp_path), (ShotReader, tmp_path / "nowhere")):
        with pytest.raises(InputError, match=f"holds no weights of a {kind.__name__}"):
            finished(kind, folder)


def test_two_processes_train_one_model(tiny, tmp_path):
    program = tmp_path / "one_of_two.py"
    program.write_text(_ONE_OF_TWO)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run([*launch, program, tiny, SCENES, tmp_path], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    for name in ("reader", "trajectory", "grounding"):
        first, second = (load_file(tmp_path / f"{name} {process}") for process in (0, 1))
        assert all(torch.isfinite(value).all() and torch.equal(value, second[key]) for key, value in first.items())
    assert (tmp_path / "work" / "reader" / "log.jsonl").read_text().count("\n") == 1  # the first process alone writes
    CameraPipeline.from_pretrained(tmp_path / "out")
