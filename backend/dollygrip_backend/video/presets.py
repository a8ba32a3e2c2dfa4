"""Making a diffusers pipeline fit into a card's memory: what the presets of `specs` do."""

import gc
from collections.abc import Callable
from typing import Any

import torch

from dollygrip_backend.video.specs import Preset

TILE, STRIDES = 512, (448, 416, 384, 352, 320, 288)  # pixels
LEAST_TILE = 96  # the LTX-2 decoder pads by reflection, which a tile of a single latent does not allow
# Embeddings, norms, and T5's `wo`, before which its code casts the activations to the type of the stored weight.
TEXT_SKIP = ("norm", "embed", "shared", "lm_head", r"\.wo$")


def free_memory(device: str) -> int:
    """Bytes free on a torch device; on the CPU memory is the system's business, and everything is allowed."""
    if torch.device(device).type != "cuda":
        return 1 << 60
    gc.collect()  # what an engine before this one has left is free
    torch.cuda.empty_cache()
    return torch.cuda.mem_get_info(torch.device(device))[0]


def apply_preset(pipe: Any, preset: Preset, device: str) -> None:
    """Place a freshly loaded pipeline on a device as `ModelSpec.memory` describes the preset."""
    where = torch.device(device)
    if preset == "full":
        pipe.to(where)
        return
    pipe.vae.enable_tiling()
    if preset == "stream":
        stream = where.type == "cuda"
        pipe.enable_group_offload(where, offload_type="leaf_level", use_stream=stream, exclude_modules=["vae"])
        return
    if preset == "fp8":
        from diffusers.hooks import apply_layerwise_casting

        stored, computed = torch.float8_e4m3fn, pipe.transformer.dtype
        pipe.transformer.enable_layerwise_casting(storage_dtype=stored, compute_dtype=computed)
        apply_layerwise_casting(pipe.text_encoder, stored, computed, skip_modules_pattern=TEXT_SKIP)
    pipe.enable_model_cpu_offload(device=where)
    # diffusers sends away what comes before a network in its sequence, which ends with the VAE; but that encodes first.
    pipe.transformer.register_forward_pre_hook(_sender_home(pipe.vae))


def _sender_home(network: torch.nn.Module) -> Callable[..., None]:
    """A hook that moves a network off the card."""

    def send(*_: Any) -> None:
        network.to("cpu")

    return send


def fit_tiles(vae: Any, size: tuple[int, int]) -> None:
    """Set an LTX-2 VAE's tiles so that none at the right or bottom edge is too narrow for it, at (width, height)."""
    vae.tile_sample_min_width = vae.tile_sample_min_height = TILE
    vae.tile_sample_stride_width, vae.tile_sample_stride_height = (tile_stride(side) for side in size)


def tile_stride(side: int) -> int:
    """The largest distance of tiles along a side, in pixels, whose last tile is wide enough."""
    if side <= TILE:
        return STRIDES[0]
    return next(stride for stride in STRIDES if (side - 1) % stride + 1 >= LEAST_TILE)
