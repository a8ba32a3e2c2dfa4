"""The engines `sana-wm` and `wan-vace` on a CUDA card: `python bench/diffusion_engines.py [--out FILE.json]`.

Time and memory do not depend on what the weights are: the pipelines are of the published sizes with random weights,
see `bench/random_pipelines.py`, so nothing is downloaded. A shot is rendered by the engine as the product renders it,
with few steps. Each preset is measured in a process of its own, and prints one line of JSON, which is also added to
FILE.json at once:

- placed_s, weights_gb: making the pipeline and placing it by the preset (no disk: a download loads slower), and what
  then lies on the card;
- seconds and peak_gb (allocated) by phase: `prepare` (of the 3D cache, where there is one), `text` (the encoders),
  `inputs` (a window's guide), `first_step` (with the conditions' way through the VAE), `steps`, `decode`, `finish`;
- step_s: the median step but the first; shot_s: the whole shot; peak_gb, reserved_gb: the most of all phases;
  estimate_gb: what `ModelSpec.memory` plans with for this window;
- bare_s: diffusers' pipeline alone, called with the inputs that the engine gave it; extra: what the engine takes more,
  without the text, relative to that; extra_full: the same for as many steps as the product takes. Only for the presets
  of --bare, after a shot of one step that warms the card up.

`--part guide` measures the guide and the engine `embedded` on the card: frames a second, beside a copy's speed.
`--tiny` runs all of it on the CPU with networks of a few thousand parameters, in a minute; its figures say nothing.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PRESETS = ("full", "offload", "fp8", "stream")
ENGINES = ("sana-wm", "wan-vace")
SIZES = {"sana-wm": (1280, 704), "wan-vace": (832, 480)}
TINY_SIZE, TINY_FRAMES = (96, 64), 9
GUIDE_SIZES = ((512, 288), (1280, 704))
COPY_BYTES = 1 << 28


class Phases:
    """Seconds, and the card's memory in GB, by phase of a rendering; a phase ends where it is marked."""

    def __init__(self, device: str):
        import torch

        self.cuda = torch.cuda if torch.device(device).type == "cuda" else None
        self.restart()

    def restart(self) -> None:
        """Forget all phases and begin the first."""
        self.ended: list[tuple[str, float, float, float]] = []
        self._begin()

    def mark(self, name: str) -> None:
        """The phase that runs was this one."""
        if self.cuda:
            self.cuda.synchronize()
        seconds = time.perf_counter() - self._began
        peaks = (self.cuda.max_memory_allocated(), self.cuda.max_memory_reserved()) if self.cuda else (0, 0)
        self.ended.append((name, seconds, *(peak / 1e9 for peak in peaks)))
        self._begin()

    def seconds(self, *names: str) -> float:
        """Of all phases of these names; of all where none is given."""
        return sum(phase[1] for phase in self.ended if not names or phase[0] in names)

    def figures(self) -> dict[str, Any]:
        """For the line of JSON."""
        names = list(dict.fromkeys(phase[0] for phase in self.ended))
        steps = [phase[1] for phase in self.ended if phase[0] == "steps"]
        return {
            "seconds": {name: self.seconds(name) for name in names},
            "peaks_gb": {name: max(phase[2] for phase in self.ended if phase[0] == name) for name in names},
            "step_s": statistics.median(steps) if steps else None,
            "shot_s": self.seconds(),
            "peak_gb": max(phase[2] for phase in self.ended),
            "reserved_gb": max(phase[3] for phase in self.ended),
        }

    def _begin(self) -> None:
        if self.cuda:
            self.cuda.reset_peak_memory_stats()
        self._began = time.perf_counter()


def observed_engine(name: str, device: str, preset: str, tiny: bool, phases: Phases) -> tuple[Any, list]:
    """The product's engine with random weights, marking its phases, and a list that gets its calls of the pipeline."""
    import attrs
    import torch
    from random_pipelines import PUBLISHED, TINY, build

    from dollygrip_backend.video.sana_wm import SanaWMEngine
    from dollygrip_backend.video.wan_vace import WanVACEEngine

    base = SanaWMEngine if name == "sana-wm" else WanVACEEngine
    calls: list = []

    class Observed(base):
        """Weights are made, not loaded; so there is no folder to check. It works at the size asked for."""

        spec = attrs.evolve(base.spec, one_size=False)

        def __init__(self):
            self.device, self.preset, self._pipe = device, preset, None

        def _load(self) -> Any:
            class Pipeline(self._pipeline_class()):
                __call__ = observed_call(self._pipeline_class(), phases, calls)

            return build(self.spec, Pipeline, (TINY if tiny else PUBLISHED)[name], device)

        def _encode(self, pipe: Any, prompt: str) -> dict[str, torch.Tensor]:
            phases.mark("prepare")
            text = super()._encode(pipe, prompt)
            phases.mark("text")
            return text

    return Observed(), calls


def observed_call(pipeline: type, phases: Phases, calls: list) -> Any:
    """The pipeline's __call__, marking its phases, and keeping its arguments and its generator's state."""

    def call(pipe: Any, **inputs: Any) -> Any:
        phases.mark("inputs")
        calls.append((inputs, inputs["generator"].get_state()))
        on_step = inputs["callback_on_step_end"]

        def step(pipe: Any, number: int, *rest: Any) -> dict[str, Any]:
            tensors = on_step(pipe, number, *rest)
            phases.mark("steps" if number else "first_step")
            return tensors

        made = pipeline.__call__(pipe, **inputs | {"callback_on_step_end": step})
        phases.mark("decode")
        return made

    return call


def bare_seconds(engine: Any, calls: list, phases: Phases) -> float:
    """Of diffusers' pipeline alone, given what the engine gave it."""
    phases.restart()
    for inputs, state in calls:
        inputs["generator"].set_state(state)
        silent = inputs | {"callback_on_step_end": None}
        engine._pipeline_class().__call__(engine._pipe, **silent)
    phases.mark("bare")
    return phases.seconds()


def measure_engine(name: str, preset: str, options: argparse.Namespace) -> dict[str, Any]:
    """One engine's line of JSON for a preset."""
    import torch
    from embedded import camera
    from guide import scene
    from random_pipelines import parameters

    from dollygrip_backend.video import Shot
    from dollygrip_backend.video.presets import free_memory
    from dollygrip_backend.video.specs import RESERVE, SPECS

    spec, device = SPECS[name], options.device
    size = tuple(options.size or (TINY_SIZE if options.tiny else SIZES[name]))
    frames = options.frames or (TINY_FRAMES if options.tiny else 81)
    if frames > spec.window:
        raise SystemExit(f"{name} renders {spec.window} frames in one window; give no more.")
    estimate = spec.memory(preset, size[0] * size[1] * frames)
    figures = {"size": size, "frames": frames, "steps": options.steps, "estimate_gb": estimate / 1e9}
    if not options.tiny and estimate > free_memory(device) * RESERVE:
        return figures | {"skipped": "does not fit"}
    image, depth = scene(size)
    shot = Shot(image, "a slow red room", camera(frames, size), size, depth=depth)
    phases = Phases(device)
    engine, calls = observed_engine(name, device, preset, options.tiny, phases)
    pipe = engine._pipeline(size[0] * size[1] * frames)
    phases.mark("placed")
    figures["placed_s"] = phases.seconds()
    figures["weights_gb"] = torch.cuda.memory_allocated() / 1e9 if phases.cuda else 0.0
    figures["parameters"] = parameters(pipe)
    full_steps = engine.steps
    if preset in options.bare:
        engine.steps = 1
        list(engine.render(shot))
    engine.steps = options.steps
    calls.clear()
    phases.restart()
    made = list(engine.render(shot))
    phases.mark("finish")
    if len(made) != frames or any(frame.shape != (size[1], size[0], 3) for frame in made):
        raise RuntimeError(f"{len(made)} frames came back instead of {frames}")
    figures |= phases.figures()
    if preset not in options.bare:
        return figures
    called, around = phases.seconds("first_step", "steps", "decode"), phases.seconds("prepare", "inputs", "finish")
    bare = bare_seconds(engine, calls, phases)
    whole = bare + (full_steps - options.steps) * (figures["step_s"] or 0.0)
    return figures | {
        "bare_s": bare,
        "extra": (called + around) / bare - 1,
        "extra_full": ((called - bare) * full_steps / options.steps + around) / whole,
    }


def measure_guide(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Lines of JSON about the 3D cache and the engine `embedded`."""
    import embedded
    import guide

    device = options.device
    yield {"part": "copy", "gb_per_s": copy_speed(device)}
    frames = options.frames or (3 if options.tiny else 49)
    for size in (TINY_SIZE,) if options.tiny else GUIDE_SIZES:
        guide.measure(3, size, device)  # the first frames wait for the card's kernels
        medians = {name: statistics.median(values) for name, values in guide.measure(frames, size, device).items()}
        copies = medians["wall"] / medians["copies"]
        line = {"frames": frames, "size": size, "frames_per_s": 1 / medians["wall"], "frame_in_copies": copies}
        yield {"part": "guide"} | line
        embedded.measure(3, size, device)
        shot = embedded.measure(frames, size, device)
        yield {"part": "embedded", "frames_per_s": frames / (shot["last_frame_s"] - shot["loaded_s"])} | shot


def copy_speed(device: str) -> float:
    """GB a second, read and written, of the best of ten copies within a device's memory."""
    import torch
    from guide import settle

    source = torch.ones(COPY_BYTES, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    times = []
    for _ in range(10):
        settle(device)
        began = time.perf_counter()
        target.copy_(source)
        settle(device)
        times.append(time.perf_counter() - began)
    return 2 * COPY_BYTES / min(times) / 1e9


def measure(part: str, name: str, preset: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Lines of JSON, measured in this process."""
    import torch

    kind = torch.cuda.get_device_name(options.device) if options.device != "cpu" else "cpu"
    about = {"device": kind, "torch": torch.__version__}
    if part == "guide":
        yield from (line | about for line in measure_guide(options))
    else:
        yield heading(part, name, preset) | measure_engine(name, preset, options) | about


def heading(part: str, name: str, preset: str) -> dict[str, Any]:
    """What a line is about."""
    return {"part": name, "preset": preset} if part == "engines" else {"part": part}


def guarded(part: str, name: str, preset: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """As `measure`, with a line about what it fails of, so that a run goes on with the next."""
    try:
        yield from measure(part, name, preset, options)
    except Exception as error:
        traceback.print_exc()
        yield heading(part, name, preset) | {"error": f"{type(error).__name__}: {error}"[:500]}


def measured_apart(part: str, name: str, preset: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The same in a process of its own; how it failed, where it did."""
    wanted = ["--part", part, "--engine", name, "--preset", preset, "--here"]
    passed = [argument for argument in sys.argv[1:] if argument != "--here"]
    command = [sys.executable, str(Path(__file__).resolve()), *passed, *wanted]
    what = heading(part, name, preset)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            output, _ = process.communicate(timeout=options.limit)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            yield what | {"error": f"stopped after {options.limit} s"}
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    yield from lines
    if process.returncode and not any("error" in line for line in lines):
        yield what | {"error": f"exit status {process.returncode}"}


def rounded(value: Any) -> Any:
    """Numbers to four digits, at any depth."""
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; what depends on --tiny is filled in."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=("engines", "guide"), default=("engines", "guide"))
    parser.add_argument("--engine", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--preset", nargs="+", choices=PRESETS, default=PRESETS)
    parser.add_argument("--bare", nargs="*", choices=PRESETS, default=("full",), help="presets to compare in")
    parser.add_argument("--frames", type=int, help="default: 81; 49 for the guide")
    parser.add_argument("--size", type=int, nargs=2, metavar=("W", "H"), help="default: what the model is made for")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--limit", type=float, default=150, help="seconds for one preset")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--device", help="default: cuda, with --tiny cpu")
    parser.add_argument("--out", type=Path, help="a file of lines of JSON, added to")
    parser.add_argument("--here", action="store_true", help="in this process")
    options = parser.parse_args(arguments)
    options.device = options.device or ("cpu" if options.tiny else "cuda")
    return options


def main() -> None:
    options = parsed()
    wanted = [("engines", name, preset) for preset in options.preset for name in options.engine]
    wanted = wanted if "engines" in options.part else []
    if "guide" in options.part:
        wanted.append(("guide", options.engine[0], options.preset[0]))
    failed = False
    for part, name, preset in wanted:
        for line in (guarded if options.here else measured_apart)(part, name, preset, options):
            failed = failed or "error" in line
            text = json.dumps(rounded(line))
            print(text, flush=True)
            if options.out and not options.here:
                with options.out.open("a") as file:
                    file.write(text + "\n")
    sys.exit(failed)


if __name__ == "__main__":
    main()
