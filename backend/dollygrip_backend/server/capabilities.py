"""What this machine offers: devices and engines, found without loading torch into the process that asks."""

import shutil
import subprocess
import sys

from dollygrip.protocol import EngineInfo
from dollygrip_backend import video

_PROBE = "import torch; print(torch.cuda.device_count() if torch.cuda.is_available() else 0)"


def devices() -> list[str]:
    """Torch devices to run workers on: every CUDA card that torch can use, else the CPU."""
    if shutil.which("nvidia-smi") is None:
        return ["cpu"]
    probe = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=120, check=False)
    count = int(probe.stdout) if probe.returncode == 0 else 0
    return [f"cuda:{index}" for index in range(count)] or ["cpu"]


def engines() -> list[EngineInfo]:
    """Every video engine with its limits, and why it cannot run here where it cannot."""
    infos = [video.engine_info(name) for name in video.engine_names()]
    return [
        EngineInfo(
            name=info.name,
            title=info.title,
            licence=info.licence,
            download_bytes=info.download_bytes,
            memory_bytes=info.memory_bytes,
            min_size=info.sizes.minimum,
            max_size=info.sizes.maximum,
            multiple=info.sizes.multiple,
            max_frames=info.max_frames,
            needs_cuda=info.needs_cuda,
            available=info.available,
            reason=info.reason,
        )
        for info in infos
    ]
