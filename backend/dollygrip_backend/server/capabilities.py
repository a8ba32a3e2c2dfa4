"""What this machine offers: devices, engines and models, found without loading torch into the process that asks."""

from dollygrip.protocol import EngineInfo, ModelInfo
from dollygrip_backend import video
from dollygrip_backend.models import Model, absence, look
from dollygrip_backend.workers.fetcher import MODELS


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


def models(engines: list[EngineInfo]) -> list[ModelInfo]:
    """Every model that can be fetched, whether it is there, and what else is in the way of its engine."""
    reasons = {engine.name: engine.reason for engine in engines}
    return [_model(model, reasons.get(model.name, "")) for model in MODELS.values()]


def _model(model: Model, engine: str) -> ModelInfo:
    folder, wrong = look(model)
    return ModelInfo(
        name=model.name,
        title=model.title,
        licence=model.licence,
        download_bytes=model.download_bytes,
        ready=folder is not None and not wrong,
        reason=wrong or ("" if engine == absence(model) else engine),
    )
