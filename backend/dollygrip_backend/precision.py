"""In which precision a device computes fastest, where that is precise enough."""

from functools import cache

import torch


@cache
def fast_dtype(device: str) -> torch.dtype:
    """bfloat16 on graphics cards and on processors that compute in it, else float32: emulated, it takes ten times as
    long. device: the type of a torch.device."""
    if device != "cpu":
        return torch.bfloat16
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("amx_bf16") or able.get("avx512_bf16") else torch.float32


def autocast(device: torch.device) -> torch.autocast:
    """The context of a forward pass in that precision."""
    dtype = fast_dtype(device.type)
    return torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16)
