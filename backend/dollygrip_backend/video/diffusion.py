"""What the engines on diffusers' pipelines share: loading by preset, windows, progress, cancel, and their failures."""

import gc
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import diffusers.utils.logging
import numpy as np
import torch
import transformers.utils.logging
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor

from dollygrip.errors import DollygripError
from dollygrip_backend.models import locate, missing_reason, way_to_fetch
from dollygrip_backend.video.engine import EngineInfo, Progress, Shot, check_shot
from dollygrip_backend.video.pipeline_folder import check_folder
from dollygrip_backend.video.presets import apply_preset, free_memory
from dollygrip_backend.video.specs import PRESETS, ModelSpec, Preset
from dollygrip_backend.video.windows import Window, finished_windows, plan_windows, window_seed, working_size


class Job(ABC):
    """One shot on its way through a pipeline: what stays the same from window to window.

    lead: frames that are made before the shot's first one and not shown. size: (width, height) the model works at.
    """

    lead = 0

    def __init__(self, shot: Shot, size: tuple[int, int]):
        self.shot, self.size = shot, size

    @abstractmethod
    def inputs(self, window: Window, tail: list[np.ndarray]) -> dict[str, Any]:
        """The pipeline's own arguments for a window; tail: the frames of the last one that this one shares,
        as they were shown, at the size the model works at."""

    @abstractmethod
    def finish(self, window: Window, made: list[np.ndarray]) -> list[np.ndarray]:
        """All real frames of a window (h, w, 3), as the model made them -> as they are shown, of shot.size."""

    def recall(self, window: Window, finished: Sequence[np.ndarray]) -> None:  # noqa: B027  most jobs have nothing to
        """Take up what a window has left to later ones, in place of `inputs` and `finish`: the shot's first frames,
        as they were shown, hold all of it."""


class DiffusionEngine(ABC):
    """A video engine on a pipeline of diffusers; subclasses say which, and what it is given."""

    info: ClassVar[EngineInfo]
    spec: ClassVar[ModelSpec]
    steps: ClassVar[int]
    guidance = 5.0

    def __init__(self, folder: Path, device: str = "cpu", preset: Preset | None = None, steps: int | None = None):
        """folder: a diffusers pipeline; preset: None chooses by the free memory at the first shot.

        Raises DollygripError (weights) where the folder does not hold the whole pipeline.
        """
        check_folder(folder, self.spec)
        self.folder, self.device, self.preset = folder, device, preset
        self.steps = steps or type(self).steps
        self._pipe: Any = None

    @classmethod
    def load(cls, device: str = "cpu", preset: Preset | None = None) -> "DiffusionEngine":
        """The engine with the weights that `dollygrip models` found or fetched."""
        folder = locate(cls.spec)
        if folder is None:
            raise DollygripError(f"The engine '{cls.spec.name}' cannot run: {missing_reason(cls.spec)}.", "", "weights")
        return cls(folder, device, preset)

    def render(
        self, shot: Shot, progress: Progress | None = None, finished: Sequence[np.ndarray] = ()
    ) -> Iterator[np.ndarray]:
        """See VideoEngine.render. Raises InputError, before the first frame is asked for, if the shot is illegal.

        While rendering DollygripError of the kinds memory (the next rendering uses the next preset), nan, weights.
        """
        check_shot(shot, self.info)
        return self._guarded(shot, _rising(progress or (lambda done, total: None), len(finished)), finished)

    def _guarded(self, shot: Shot, progress: Progress, finished: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        try:
            yield from self._frames(shot, progress, finished)
        except torch.OutOfMemoryError:
            pass  # reported below: the traceback of an error that is being handled keeps the card's tensors alive
        else:
            return
        finally:
            if self._pipe is not None:
                self._pipe.maybe_free_model_hooks()
        raise self._lower()

    def _frames(self, shot: Shot, progress: Progress, finished: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        spec, total = self.spec, len(shot.trajectory)
        progress(len(finished), total)
        job = self._job(shot, working_size(shot.size, spec.multiple, spec.pixels, not spec.one_size))
        windows = plan_windows(job.lead + total, spec.window, spec.stride, spec.overlap)
        pipe = self._pipeline(job.size[0] * job.size[1] * windows[0].length)
        with torch.no_grad():
            text = self._encode(pipe, shot.prompt)
        pipe.maybe_free_model_hooks()  # or an offloaded text encoder stays on the card while the VAE encodes
        done, latest = self._recalled(job, windows, finished, progress)
        for number, window in enumerate(windows[done:], done):
            generator = torch.Generator().manual_seed(window_seed(shot.seed, number))
            tail = [resized(frame, job.size) for frame in latest]
            made = self._generate(pipe, window, job.inputs(window, tail) | text, job, generator, progress)
            shown = job.finish(window, made)
            latest = (latest + shown[window.known :])[-spec.overlap :]
            for frame in range(max(window.start + window.known, job.lead + len(finished)), window.stop):
                yield shown[frame - window.start]
                progress(frame - job.lead + 1, total)

    def _recalled(
        self, job: Job, windows: list[Window], finished: Sequence[np.ndarray], progress: Progress
    ) -> tuple[int, list[np.ndarray]]:
        """How many windows are finished, and the frames of the last of them that the next one shares."""
        overlap = self.spec.overlap
        done = finished_windows(windows, job.lead, overlap, len(finished))
        if not done:
            return 0, []
        for window in windows[:done]:
            progress(len(finished), len(job.shot.trajectory))
            job.recall(window, finished)
        stop = windows[done - 1].stop - job.lead
        return done, [finished[frame] for frame in range(stop - overlap, stop)]

    def _generate(
        self,
        pipe: Any,
        window: Window,
        inputs: dict[str, Any],
        job: Job,
        generator: torch.Generator,
        progress: Progress,
    ) -> list[np.ndarray]:
        """One call of the pipeline: the real frames of a window, uint8 (h, w, 3) of the size the model works at."""
        total = len(job.shot.trajectory)
        first, last = (max(0, frame - job.lead) for frame in (window.start + window.known, window.stop))

        def on_step(_: Any, step: int, __: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            if not torch.isfinite(tensors["latents"]).all():
                raise self._not_a_number(f"in step {step + 1} of {self.steps}")
            progress(first + (last - first) * (step + 1) // (self.steps + 1), total)
            return tensors

        video = pipe(
            **inputs,
            width=job.size[0],
            height=job.size[1],
            num_frames=window.length,
            num_inference_steps=self.steps,
            guidance_scale=self.guidance,
            generator=generator,
            output_type="pt",
            callback_on_step_end=on_step,
        ).frames
        video = video[0] if video.ndim == 5 else video
        return [self._image(frame) for frame in video[: window.stop - window.start]]

    def _image(self, frame: Tensor) -> np.ndarray:
        """(3, h, w) in 0..1 on any device -> uint8 (h, w, 3)."""
        if not torch.isfinite(frame).all():
            raise self._not_a_number("while decoding")
        return (frame.float() * 255 + 0.5).clamp(0, 255).to(torch.uint8).permute(1, 2, 0).cpu().numpy()

    def _pipeline(self, pixels: int) -> Any:
        """The loaded pipeline; pixels: of the largest window it will be asked for, where the preset is chosen by it."""
        if self._pipe is None:
            if self.preset is None:
                self.preset = self.spec.choose(free_memory(self.device), pixels)
            self._pipe = self._load()
            self._pipe.set_progress_bar_config(disable=True)
            apply_preset(self._pipe, self.preset, self.device)
        return self._pipe

    def _load(self) -> Any:
        # bfloat16 has no kernels on the CPU for all of these models. Wan's VAE shows bands below 32 bits.
        half = torch.bfloat16 if torch.device(self.device).type == "cuda" else torch.float32
        dtypes = {"default": half} | ({"vae": torch.float32} if self.spec.vae.bytes_each == 4 else {})
        for library in (diffusers, transformers):  # their bars would break into ours
            library.utils.logging.disable_progress_bar()
        try:
            return self._pipeline_class().from_pretrained(
                self.folder, dtype=dtypes, local_files_only=True, use_safetensors=True
            )
        except torch.OutOfMemoryError:
            raise
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            what = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            hint = f"{way_to_fetch(self.spec.name).capitalize()}."
            raise DollygripError(f"The model in {self.folder} cannot be loaded ({what}).", hint, "weights") from error

    def _lower(self) -> DollygripError:
        """Give the memory back, step down to the next preset, and say so."""
        self._pipe, used = None, self.preset
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        message = f"The memory ran out with the preset '{used}' of the engine '{self.spec.name}'."
        below = PRESETS[PRESETS.index(used) + 1 :] if used else ()
        if not below:
            hint = "Close programs that use the card, choose a smaller size, or use the engine 'embedded'."
            return DollygripError(message, hint, "memory")
        self.preset = below[0]
        need = self.spec.memory(self.preset) / 1e9
        hint = f"Render again: the preset '{self.preset}' is slower and needs at most about {need:.0f} GB."
        return DollygripError(message, hint, "memory")

    def _not_a_number(self, where: str) -> DollygripError:
        message = f"The model of the engine '{self.spec.name}' computed NaN or infinity {where}."
        return DollygripError(message, "Use another seed; if that does not help, download the model again.", "nan")

    @abstractmethod
    def _job(self, shot: Shot, size: tuple[int, int]) -> Job:
        """A shot as this engine's pipeline takes it; size: (width, height) the model works at."""

    @abstractmethod
    def _pipeline_class(self) -> Any:
        """The class of diffusers that `from_pretrained` loads."""

    @abstractmethod
    def _encode(self, pipe: Any, prompt: str) -> dict[str, Any]:
        """The prompt as arguments of the pipeline, computed once a shot."""


def _rising(progress: Progress, highest: int) -> Progress:
    """Progress that never falls below `highest`, nor below what it was: a window's steps count as part of its frames
    before these are handed out."""

    def report(done: int, total: int) -> None:
        nonlocal highest
        highest = max(highest, done)
        progress(highest, total)

    return report


def resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 (h, w, 3) at another size (width, height)."""
    if image.shape[1::-1] == tuple(size):
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
