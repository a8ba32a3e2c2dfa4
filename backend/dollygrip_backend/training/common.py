"""What the trainers share: seeds, learning rate, a moving average of the weights, checkpoints, the loop.

A checkpoint is a folder of `model.safetensors`, `average.safetensors`, `optimizer.safetensors` and `run.json`. All
randomness of a step comes from (seed, step), so a resumed run draws what an uninterrupted one would have drawn. Only a
run of the same recipe goes on from it.

On several devices (`accelerate launch -m dollygrip_backend train …`) all begin with the first process's weights; every
process draws its own batches and gradients are averaged between them; the first process writes the checkpoints.
"""

import hashlib
import inspect
import json
import math
import os
import shutil
import tomllib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

import attrs
import cattrs
import numpy as np
import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import broadcast
from cattrs.v import format_exception
from diffusers import ModelMixin
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from dollygrip.errors import DollygripError, InputError
from dollygrip_backend.precision import autocast

Config = TypeVar("Config")
Drawn = TypeVar("Drawn")
Network = TypeVar("Network", bound=ModelMixin)
_ELSEWHERE = "Train into another folder."


def read_config(file: Path, kind: type[Config]) -> Config:
    """The TOML file as the attrs class `kind`.

    Raises InputError where the file is missing, a key is missing, unknown or of another type, or values do not agree.
    """
    try:
        return _strict().structure(tomllib.loads(file.read_text()), kind)
    except OSError as error:
        raise InputError(f"Cannot read the training configuration {file}: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"The training configuration {file} is not valid: {error}.") from error
    except cattrs.BaseValidationError as error:
        details = "; ".join(cattrs.transform_error(error, format_exception=_told))
        raise InputError(f"The training configuration {file} is not valid: {details}.") from error


def _strict() -> cattrs.Converter:
    """A converter that takes no value for one of another type, save a whole number for a fraction."""

    def as_given(value: Any, kind: type) -> Any:
        if type(value) not in ((int, float) if kind is float else (kind,)):
            raise TypeError(f"{value!r} is not of the type {kind.__name__}")
        return kind(value)

    converter = cattrs.Converter(forbid_extra_keys=True)
    for kind in (bool, int, float, str):
        converter.register_structure_hook(kind, as_given)
    return converter


def _told(error: BaseException, kind: type | None) -> str:
    """A wrong value in words: those of a check of the configuration's own, else cattrs'."""
    return str(error) if type(error) in (TypeError, ValueError) else format_exception(error, kind)


def sizes_of(network: type[ModelMixin], *given: str) -> Callable[[Any, attrs.Attribute, dict], None]:
    """A validator for what a configuration says of a network's sizes; `given` ones are not its to say."""
    known = inspect.signature(network.__init__).parameters.keys() - {"self", *given}

    def validate(_: Any, field: attrs.Attribute, sizes: dict) -> None:
        if unknown := sorted(sizes.keys() - known):
            raise ValueError(f"{network.__name__} has no {', '.join(unknown)}")

    return validate


def check_apart(start: Path | None, written: Path) -> None:
    """Raises InputError where a run would write into the folder of the weights that it starts from."""
    if start and start.resolve() == written.resolve():
        raise InputError(f"The training would overwrite the weights in {start} that it starts from.", _ELSEWHERE)


def recipe_in(work: Path, settings: Any, data: list, resume: bool, start: Path | None) -> str:
    """A digest of what a run in the folder `work` learns by: its configuration's values, its data, the weights it
    starts from. data: what tells it from other data, as JSON can hold it.

    Raises InputError where `work` has a checkpoint of another recipe that the run would go on from (`resume`), or
    where the weights in `start` lie in `work` themselves, which the run's own would overwrite.
    """
    check_apart(start, work)
    digest = hashlib.sha256(json.dumps([cattrs.unstructure(settings), data], sort_keys=True).encode())
    for weights in sorted(start.glob("*.safetensors")) if start else ():
        digest.update(weights.read_bytes())
    recipe, known = digest.hexdigest(), _state(work / "checkpoint").get("recipe")
    if resume and known not in (None, recipe):  # one that names no recipe is believed
        raise InputError(
            f"{work} holds a checkpoint of another recipe: its configuration, its data or the weights that it started "
            "from differ.",
            f"{_ELSEWHERE[:-1]}, or start anew with --fresh.",
        )
    return recipe


def _whole(checkpoint: Path) -> Path:
    """The checkpoint's folder, or the one before it where a kill came between the two."""
    old = checkpoint.with_name(checkpoint.name + ".old")
    return old if old.exists() and not checkpoint.exists() else checkpoint


def _state(checkpoint: Path) -> dict[str, Any]:
    """What run.json says; nothing where there is no checkpoint."""
    file = _whole(checkpoint) / "run.json"
    return json.loads(file.read_text()) if file.exists() else {}


def begin_anew(work: Path) -> None:
    """Remove checkpoint and log of the run in `work`, so that none goes on from them. The first process does it."""
    if PartialState().is_main_process:
        (work / "log.jsonl").unlink(missing_ok=True)
        for checkpoint in ("checkpoint", "checkpoint.old"):
            shutil.rmtree(work / checkpoint, ignore_errors=True)


def process_random(*key: int) -> np.random.Generator:
    """The numpy generator of a key; the first process's is that of a training on one device."""
    process = PartialState().process_index
    return np.random.default_rng((*key, process) if process else key)


def step_random(seed: int, step: int) -> np.random.Generator:
    """The numpy generator of one step in this process; torch's generator is seeded from it as well."""
    generator = process_random(seed, step)
    torch.manual_seed(int(generator.integers(2**62)))
    return generator


def learning_rate(step: int, steps: int, peak: float, floor: float = 0.02) -> float:
    """Linear warm-up to `peak`, then a cosine down to `floor * peak` at the last of `steps`."""
    warmup = min(200, steps // 10)
    if step < warmup:
        return peak * (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done)))


def finished(kind: type[Network], folder: Path) -> Network:
    """The network in `folder`, to be trained further; where it came from is not written beside it again.

    Raises InputError where another network's weights, or none, are in `folder`.
    """
    config = folder / "config.json"
    if not config.exists() or kind.load_config(folder).get("_class_name") != kind.__name__:
        raise InputError(
            f"{folder} holds no weights of a {kind.__name__}.", "Name the folder that a training wrote them to."
        )
    network = kind.from_pretrained(folder, torch_dtype=torch.float32)
    again = kind.from_config({key: value for key, value in network.config.items() if not key.startswith("_")})
    again.load_state_dict(network.state_dict())
    return again


@torch.no_grad()
def keep(share: float, network: ModelMixin, start: Path) -> None:
    """Move the network's weights back to those in the folder `start` by this share."""
    before = type(network).from_pretrained(start, torch_dtype=torch.float32).state_dict()
    for name, weight in network.state_dict().items():
        if weight.is_floating_point():
            weight.lerp_(before[name].to(weight), share)


@attrs.define
class Run:
    """A training run: the model, the exponential moving average of its weights, the optimizer, the next step.

    The average is what is shipped. `decay` is reached gradually, so that a short run's average is not the start's.
    recipe: what `recipe_in` gave, to be kept with the checkpoints.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    decay: float = 0.999
    recipe: str = ""
    step: int = 0
    average: dict[str, Tensor] = attrs.field(init=False)
    accelerator: Accelerator = attrs.field(init=False, factory=Accelerator)

    def __attrs_post_init__(self) -> None:
        self.model.to(self.device)
        for weights in self.model.state_dict().values():  # each process has drawn its own
            weights.copy_(broadcast(weights.contiguous()))
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}

    @property
    def device(self) -> torch.device:
        """Where the model is and its batches must be."""
        return self.accelerator.device

    def autocast(self, bfloat16: bool) -> AbstractContextManager:
        """Half precision for the forward pass, where it is wanted and the processor does not merely emulate it."""
        return autocast(self.device) if bfloat16 else nullcontext()

    def descend(self, loss: Tensor, rate: float) -> None:
        """One optimizer step on `loss`, by a gradient of at most norm 1. Counts the step.

        Raises DollygripError, before any weight is touched, where the loss or its gradient is not finite.
        """
        self._must_be_finite("loss", loss.detach())
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("rate_factor", 1.0)
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        if self.accelerator.num_processes > 1:
            for parameter in self.model.parameters():
                if parameter.grad is not None:
                    parameter.grad = self.accelerator.reduce(parameter.grad, "mean")
        self._must_be_finite("gradient", nn.utils.clip_grad_norm_(self.model.parameters(), 1.0))
        self.optimizer.step()
        self.step += 1
        keep = min(self.decay, self.step / (self.step + 10))
        with torch.no_grad():
            weights = self.model.state_dict()
            moving = [name for name, value in weights.items() if value.is_floating_point()]
            torch._foreach_lerp_([self.average[n] for n in moving], [weights[n] for n in moving], 1 - keep)
            for name in weights.keys() - set(moving):
                self.average[name].copy_(weights[name])

    def _must_be_finite(self, what: str, value: Tensor) -> None:
        if not math.isfinite(value):
            raise DollygripError(
                f"The {what} of step {self.step} is not finite.", "Lower the learning rate in the configuration."
            )

    def save(self, folder: Path) -> None:
        """Write the checkpoint beside `folder`, then put it in place: a kill leaves the old or the new one whole."""
        fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        state = self.optimizer.state_dict()
        moments = {f"{i}.{k}": torch.as_tensor(v) for i, s in state["state"].items() for k, v in s.items()}
        tensors = {"model": self.model.state_dict(), "average": self.average, "optimizer": moments}
        for name, values in tensors.items():  # contiguous: a model may be in channels_last
            save_file({k: v.contiguous() for k, v in values.items()}, fresh / f"{name}.safetensors")
        (fresh / "run.json").write_text(json.dumps({"step": self.step, "recipe": self.recipe}))
        if folder.exists():  # else the old one, if there is one, is all there is until the fresh one is in place
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        fresh.rename(folder)
        shutil.rmtree(old, ignore_errors=True)

    def ship(self, folder: Path) -> None:
        """Write the average in half precision, as diffusers stores a model; the run's model must be one of its.

        Each file takes the place of the one before when it is whole.
        """
        network = type(self.model).from_config(self.model.config)
        network.load_state_dict(self.average)
        fresh = folder / "weights.new"
        shutil.rmtree(fresh, ignore_errors=True)
        network.half().save_pretrained(fresh)
        for file in fresh.iterdir():
            file.replace(folder / file.name)
        fresh.rmdir()

    def resume(self, folder: Path) -> bool:
        """Load the checkpoint at `folder`; False where there is none.

        Raises InputError where it was written by another architecture.
        """
        state, folder = _state(folder), _whole(folder)
        if not state:
            return False
        weights = load_file(folder / "model.safetensors", device=str(self.device))
        if {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in self.model.state_dict().items()}:
            raise InputError(
                f"The checkpoint {folder} belongs to another architecture.", "Delete it, or train into another folder."
            )
        self.model.load_state_dict(weights)
        self.average = load_file(folder / "average.safetensors", device=str(self.device))
        moments = self.optimizer.state_dict()
        moments["state"] = {}
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        for key, value in load_file(folder / "optimizer.safetensors").items():
            index, name = key.split(".", 1)
            like = parameters[int(index)]
            if value.shape == like.shape:  # a fused optimizer walks through memory: moments must lie as weights do
                value = torch.empty_like(like, requires_grad=False).copy_(value)
            moments["state"].setdefault(int(index), {})[name] = value
        self.optimizer.load_state_dict(moments)
        self.step = state["step"]
        return True


def moved(batch: Drawn, device: torch.device) -> Drawn:
    """An attrs object of tensors, or of what moves as they do, on `device`."""
    fields = attrs.fields(type(batch))
    return type(batch)(**{field.name: getattr(batch, field.name).to(device) for field in fields})


class _Draws(Dataset):
    """What `draw` gives for a number, as a data set."""

    def __init__(self, draw: Callable[[int], Drawn]):
        self.draw = draw

    def __getitem__(self, number: int) -> Drawn:
        return self.draw(number)


def drawn_ahead(draw: Callable[[int], Drawn], numbers: range, workers: int) -> Iterator[Drawn]:
    """draw(number) of each of `numbers`, in order, made ahead by so many forked processes.

    By this one where `workers` is 0 or the system forks none.
    """
    workers = workers if hasattr(os, "fork") else 0
    context, ahead = ("fork", 4) if workers else (None, None)
    loader = DataLoader(
        _Draws(draw),
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        prefetch_factor=ahead,
        multiprocessing_context=context,
        collate_fn=lambda drawn: drawn,
    )
    yield from loader


def workers_for(device: torch.device) -> int:
    """How many processes draw batches: none beside a processor that trains, for it has nothing to spare."""
    return 0 if device.type == "cpu" else min(8, max(1, (os.cpu_count() or 1) // 2))


def train(
    run: Run,
    name: str,
    steps: int,
    draw: Callable[[int], Drawn],
    descend: Callable[[Drawn], dict[str, float]],
    work: Path,
    save_every: int = 200,
    resume: bool = True,
    at_save: Callable[[], dict[str, float] | None] = dict,
) -> None:
    """Call descend(draw(step)) until `run` has made `steps` steps; then the model has its averaged weights.

    draw(step) gives a step's batch, in memory and by the step's own random numbers: beside a graphics card other
    processes call it ahead. descend(batch) makes one step and returns what is worth watching, by name. `work` gets a
    checkpoint every `save_every` steps, which a killed run goes on from (unless `resume` is false: what is there is
    removed then), and log.jsonl: running means, and what at_save() measures then. Only the first of several processes
    writes and measures.
    """
    if not resume:
        begin_anew(work)
    elif run.resume(work / "checkpoint"):
        print(f"Resuming {name} at step {run.step}.")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[status]}")) as bar:
        task = bar.add_task(name, total=steps, completed=run.step, status="")
        means: dict[str, float] = {}
        for batch in drawn_ahead(draw, range(run.step, steps), workers_for(run.device)):
            means = {key: 0.98 * means.get(key, value) + 0.02 * value for key, value in descend(batch).items()}
            bar.update(task, completed=run.step, status=" ".join(f"{key} {value:.4f}" for key, value in means.items()))
            if run.accelerator.is_main_process and (run.step % save_every == 0 or run.step == steps):
                measured = at_save() or {}  # first: a run that is killed in it goes on from the checkpoint before
                run.save(work / "checkpoint")
                with (work / "log.jsonl").open("a") as log:
                    log.write(json.dumps({"step": run.step, **means, **measured}) + "\n")
    run.model.load_state_dict(run.average)
