"""What this machine offers: devices and engines, found without loading torch into the process that asks."""

from dollygrip.protocol import EngineInfo
from dollygrip_backend import video


def devices() -> list[str]:
    """Torch devices to run workers on: the CUDA cards that are large enough (`video.job_cards`), else the CPU."""
    return [f"cuda:{number}" for number in video.job_cards()] or ["cpu"]


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
            keeps_geometry=info.keeps_geometry,
        )
        for info in infos
    ]
