"""The diffusion models behind the CUDA engines: where they come from, their legal shapes, and the memory they need.

Imports no torch: all of this is asked before anything is downloaded, queued or loaded.
"""

from pathlib import Path
from typing import Any, Literal, get_args

import attrs

from dollygrip.errors import DollygripError
from dollygrip_backend.video import pipeline_folder

Preset = Literal["full", "offload", "fp8", "stream"]
PRESETS: tuple[Preset, ...] = get_args(Preset)
HALF, EIGHTH = 2, 1  # bytes of a parameter in bfloat16 and in float8
RESERVE = 0.92  # the share of the free memory that is planned with; the rest is the allocator's and the driver's


@attrs.frozen
class Part:
    """One network of a pipeline.

    parameters: how many; largest: those of its largest layer, which streaming cannot split; half: those that stay in
    half precision where the others are float8; bytes_each: of a parameter where float8 is not used; working and tiled:
    bytes of working memory for each pixel of a window, the second where the network works on tiles.
    """

    parameters: float
    largest: float
    working: float = 0.0
    tiled: float = 0.0
    half: float = 0.0
    bytes_each: int = HALF

    @property
    def bytes(self) -> float:
        """Size of its weights as loaded."""
        return self.parameters * self.bytes_each


@attrs.frozen
class ModelSpec:
    """A diffusers pipeline and what it can be asked for. It is a `dollygrip_backend.models.Model`.

    repo: on the hub; pipeline: its class in diffusers. Sides are multiples of `multiple`, about `pixels` together, the
    size it was trained at; one_size: whether that was its only one. A window has `stride` * k + 1 frames, at most
    `window`; consecutive windows share `overlap`.
    """

    index = pipeline_folder.INDEX

    name: str
    title: str
    repo: str
    pipeline: str
    licence: str
    text: Part
    denoiser: Part
    vae: Part
    multiple: int
    pixels: int
    stride: int
    window: int
    overlap: int
    one_size: bool = False

    @property
    def download_bytes(self) -> int:
        """About how much there is to download, if it is stored as it is loaded; the hub's own figure counts."""
        return int(self.text.bytes + self.denoiser.bytes + self.vae.bytes)

    def mismatch(self, index: Any) -> str:
        return pipeline_folder.mismatch(index, self)

    def patterns(self, index: Any) -> tuple[str, ...]:
        return pipeline_folder.patterns(index)

    def check(self, folder: Path) -> None:
        pipeline_folder.check_folder(folder, self)

    def memory(self, preset: Preset, pixels: int | None = None) -> int:
        """Estimated peak of graphics memory in bytes; pixels: width * height * frames of a window, None for the most.

        `full` as measured on a card (bench/diffusion_engines.py), the rest computed from that.

        full:    all networks stay on the card, in bfloat16.
        offload: one network at a time is on the card; the VAE decodes in tiles.
        fp8:     as offload, with the weights of text encoder and denoiser stored in 8 bits.
        stream:  as offload, but layer by layer; the VAE stays on the card.
        """
        pixels = self.pixels * self.window if pixels is None else pixels
        parts = (self.text, self.denoiser)
        if preset == "full":
            need = self.download_bytes + pixels * max(self.denoiser.working, self.vae.working)
        elif preset == "stream":
            layer = max(2 * part.largest * part.bytes_each + pixels * part.tiled for part in parts)
            need = self.vae.bytes + max(layer, pixels * self.vae.tiled)
        else:
            saved = HALF - EIGHTH if preset == "fp8" else 0
            need = max(part.bytes - saved * (part.parameters - part.half) + pixels * part.tiled for part in parts)
            need = max(need, self.vae.bytes + pixels * self.vae.tiled)
        return int(need)

    def choose(self, free: int, pixels: int) -> Preset:
        """The fastest preset whose estimate fits into `free` bytes; raises DollygripError (memory) if none does."""
        for preset in PRESETS:
            if self.memory(preset, pixels) <= free * RESERVE:
                return preset
        raise DollygripError(
            f"The engine '{self.name}' needs about {self.memory(PRESETS[-1], pixels) / RESERVE / 1e9:.1f} GB of free "
            f"graphics memory for this shot, and {free / 1e9:.1f} GB are free.",
            "Close programs that use the card, choose a smaller size, or use the engine 'embedded'.",
            "memory",
        )


# Working memory as bench/diffusion_engines.py measured it on an NVIDIA H100 in `full` with 81 frames; on tiles, an
# estimate in proportion to that.
SANA_WM = ModelSpec(
    name="sana-wm",
    title="SANA-WM: camera-controlled diffusion, up to 720p, on a CUDA card",
    repo="Efficient-Large-Model/SANA-WM_bidirectional-diffusers",
    pipeline="SanaWMPipeline",
    licence="Apache-2.0; its VAE: LTX-2 Community License; its text encoder: Gemma Terms of Use",
    text=Part(2.61e9, 0.59e9, half=0.59e9),
    denoiser=Part(2.66e9, 0.03e9, working=57, tiled=57),
    vae=Part(1.22e9, 1.22e9, working=120, tiled=36),
    multiple=32,
    pixels=1280 * 704,
    stride=8,
    window=161,
    overlap=9,
    one_size=True,
)
WAN_VACE = ModelSpec(
    name="wan-vace",
    title="Wan VACE 1.3B: 3D cache and a video in-painter, up to 480p, on a CUDA card",
    repo="Wan-AI/Wan2.1-VACE-1.3B-diffusers",
    pipeline="WanVACEPipeline",
    licence="Apache-2.0",
    text=Part(5.68e9, 1.05e9, half=2.06e9),
    denoiser=Part(2.15e9, 0.02e9, working=118, tiled=118),
    vae=Part(0.127e9, 0.127e9, working=310, tiled=132, bytes_each=4),
    multiple=16,
    pixels=832 * 480,
    stride=4,
    window=81,
    overlap=9,
)
SPECS = {spec.name: spec for spec in (SANA_WM, WAN_VACE)}
