"""The real SANA-WM and Wan VACE pipelines with random weights of a few megabytes, saved as diffusers folders."""

from pathlib import Path

import torch
from diffusers import SanaWMPipeline, WanVACEPipeline
from random_pipelines import TINY, assemble

from dollygrip_backend.video.specs import SANA_WM, WAN_VACE


def save_sana_wm(folder: Path) -> Path:
    """SanaWMPipeline, sides of 32 n and 8 k + 1 frames as the real one."""
    torch.manual_seed(0)
    assemble(SANA_WM, SanaWMPipeline, TINY["sana-wm"], lambda part, make: make()).save_pretrained(folder)
    return folder


def save_wan_vace(folder: Path) -> Path:
    """WanVACEPipeline, sides of 16 n and 4 k + 1 frames as the real one."""
    torch.manual_seed(0)
    assemble(WAN_VACE, WanVACEPipeline, TINY["wan-vace"], lambda part, make: make()).save_pretrained(folder)
    return folder
