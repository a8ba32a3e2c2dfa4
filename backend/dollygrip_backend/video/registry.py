"""The video engines by name. Listing them costs nothing; an engine's module, and torch, load with `load_engine`."""

from collections.abc import Callable
from importlib import import_module

import attrs

from dollygrip.errors import InputError
from dollygrip_backend.video.engine import EngineInfo, SizeRule, VideoEngine

AUTO = "auto"


@attrs.frozen
class _Entry:
    """An engine's facts and where its class is: `module:Class`, made by `Class.load(device)`."""

    info: EngineInfo
    target: str


_EMBEDDED = EngineInfo(
    name="embedded",
    title="Embedded: 3D cache and a small in-painter, on any CPU",
    licence="GPL-3.0-or-later",
    download_bytes=0,
    memory_bytes=560_000_000,
    sizes=SizeRule(minimum=64, maximum=1280, multiple=2),
    max_frames=2000,
    needs_cuda=False,
)

_ENGINES = {entry.info.name: entry for entry in [_Entry(_EMBEDDED, "dollygrip_backend.video.embedded:EmbeddedEngine")]}


def engine_names() -> list[str]:
    """Names of all engines, the default first."""
    return list(_ENGINES)


def engine_info(name: str) -> EngineInfo:
    """The facts about an engine; `auto` is the default engine. Raises InputError for an unknown name."""
    return _entry(name).info


def load_engine(name: str, device: str = "cpu") -> VideoEngine:
    """Load an engine with its weights onto a torch device. Raises InputError where it is unknown or unavailable."""
    entry = _entry(name)
    if not entry.info.available:
        raise InputError(f"The engine '{entry.info.name}' cannot run here: {entry.info.reason}.", "Use 'embedded'.")
    module, _, cls = entry.target.partition(":")
    load: Callable[[str], VideoEngine] = getattr(import_module(module), cls).load
    return load(device)


def _entry(name: str) -> _Entry:
    key = engine_names()[0] if name == AUTO else name
    if key not in _ENGINES:
        raise InputError(f"There is no video engine called '{name}'.", f"Use one of: {', '.join(engine_names())}.")
    return _ENGINES[key]
