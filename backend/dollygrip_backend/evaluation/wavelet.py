"""Is the wavelet regularisation loss worth having? Two trajectory transformers of one recipe, with it and without.

Both are trained for the same number of steps from the same seed on the same captions, with the shipped shot reader, and
measured alike: prompts obeyed, jerk of the takes, and the error of a single prediction from noise on fresh draws of
the grammar, in each sub-band relative to that band's size in the true takes.
"""

import hashlib
from pathlib import Path

import attrs
import numpy as np
import torch
from torch import Tensor

from dollygrip_backend.data.captions import CaptionBank, draw_pairs, load_bank
from dollygrip_backend.evaluation.predictor import Case, evaluate_cases
from dollygrip_backend.predictor.network import CameraTransformer
from dollygrip_backend.predictor.pipeline import CameraPipeline
from dollygrip_backend.predictor.reader import ShotReader
from dollygrip_backend.training.common import moved, read_config
from dollygrip_backend.training.predictor import CONFIG, Config
from dollygrip_backend.training.trajectory import draw_batch, train_trajectory, wavelet_bands

_CAPTIONS, _FRESH_SEED, _SIGMA = 16384, 990_000, 0.8
_CACHE = Path(".cache/train/predictor/captions")  # where the predictor's training keeps its text features


def compare_wavelet(cases: list[Case], steps: int = 800, work: Path = Path(".cache/evaluate/wavelet")) -> None:
    """Train both, print the table. work: where their checkpoints go."""
    settings = read_config(CONFIG, Config)
    bank = load_bank(draw_pairs(_CAPTIONS, settings.reader.seed), _CACHE)
    fresh = load_bank(draw_pairs(256, _FRESH_SEED), _CACHE)
    pipeline = CameraPipeline.from_pretrained(CameraPipeline.shipped())
    reader = pipeline.reader.float()
    shipped = (CameraPipeline.shipped() / "reader" / "diffusion_pytorch_model.safetensors").read_bytes()
    # Checkpoints of another reader or recipe are never gone on with.
    work = work / hashlib.sha256(shipped + repr((settings, steps)).encode()).hexdigest()[:16]
    print(f"{steps} steps each     obeyed   median jerk   error by sub-band, coarse to fine")
    for weight in (settings.trajectory.wavelet, 0.0):
        recipe = attrs.evolve(settings.trajectory, wavelet=weight, steps=steps)
        model = train_trajectory(recipe, bank, reader, work / f"{weight:g}").eval()
        pipeline.register_modules(transformer=model)
        pipeline.to(model.device)  # where it was trained, which may be a card
        results = evaluate_cases(pipeline, cases)
        obeyed = np.mean([result.verdict.obeyed for result in results])
        jerk = np.median([result.verdict.jerk for result in results])
        bands = " ".join(f"{error:.3f}" for error in band_errors(model, reader, fresh, recipe).tolist())
        print(f"wavelet {weight:<8g} {obeyed:10.1%} {jerk:13.0f}   {bands}")


@torch.inference_mode()
def band_errors(model: CameraTransformer, reader: ShotReader, bank: CaptionBank, recipe) -> Tensor:
    """Mean absolute error of one prediction at noise level 0.8, for each sub-band over its mean size in the truth.

    (bands,), coarse first, on the device of the model, which must be the reader's. Every caption is read.
    """
    recipe = attrs.evolve(recipe, constraints=0.0, without_text=0.0)
    batch = draw_batch(bank, np.arange(len(bank)), recipe, np.random.default_rng(0))
    batch = moved(batch, model.device)
    memory, _ = reader(batch.text)
    sigma = torch.full_like(batch.sigma, _SIGMA)
    noise = torch.randn(batch.clean.shape, generator=torch.Generator().manual_seed(0)).to(model.device)
    used = batch.used[:, :, None]
    noisy = ((1 - _SIGMA) * batch.clean + _SIGMA * noise) * used
    nothing = torch.zeros_like(noisy)
    clean = model(noisy, sigma, batch.storyboard, nothing, nothing, batch.conditions, model.project(memory)) * used
    wrong, true = (wavelet_bands(x.flatten(0, 1)) for x in (clean - batch.clean, batch.clean))
    return torch.stack([w.abs().mean() / t.abs().mean() for w, t in zip(wrong, true, strict=True)])
