"""The video engines by name: the package's own, and those that other packages register as `dollygrip.engines`.

Listing them costs nothing; an engine's module, and torch, load with `load_engine`.
"""

import functools
import re
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

import attrs

from dollygrip.errors import InputError
from dollygrip_backend.models import missing_reason
from dollygrip_backend.video.engine import EngineInfo, SizeRule, VideoEngine
from dollygrip_backend.video.hardware import cards
from dollygrip_backend.video.specs import PRESETS, SANA_WM, WAN_VACE, ModelSpec

AUTO = "auto"
GROUP = "dollygrip.engines"
PREFERRED = ("sana-wm", "embedded")  # what `auto` is: the first that can run
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@attrs.frozen
class _Entry:
    """An engine's facts, what it lacks on this computer, and how its class is reached."""

    info: EngineInfo
    missing: Callable[[], str]
    engine: Callable[[], type[VideoEngine]]


_EMBEDDED = EngineInfo(
    name="embedded",
    title="Embedded: 3D cache and a small diffusion model for its holes, on any CPU",
    licence="GPL-3.0-or-later",
    download_bytes=0,
    memory_bytes=700_000_000,
    sizes=SizeRule(minimum=64, maximum=1280, multiple=2),
    max_frames=2000,
    needs_cuda=False,
    keeps_geometry=True,
    estimates_depth=True,
)


def _diffusion_info(spec: ModelSpec, estimates_depth: bool = False) -> EngineInfo:
    return EngineInfo(
        name=spec.name,
        title=spec.title,
        licence=spec.licence,
        download_bytes=spec.download_bytes,
        memory_bytes=spec.memory(PRESETS[-1]),
        sizes=SizeRule(minimum=64, maximum=1280, multiple=2),
        max_frames=2000,
        needs_cuda=True,
        estimates_depth=estimates_depth,
    )


def _builtin(info: EngineInfo, target: str, missing: Callable[[], str]) -> _Entry:
    module, _, name = target.partition(":")
    return _Entry(info, missing, lambda: getattr(import_module(f"dollygrip_backend.video.{module}"), name))


_BUILTIN = {
    entry.info.name: entry
    for entry in (
        _builtin(_EMBEDDED, "embedded:EmbeddedEngine", lambda: ""),
        _builtin(
            _diffusion_info(SANA_WM),
            "sana_wm:SanaWMEngine",
            lambda: missing_reason(SANA_WM),
        ),
        _builtin(
            _diffusion_info(WAN_VACE, estimates_depth=True),
            "wan_vace:WanVACEEngine",
            lambda: missing_reason(WAN_VACE),
        ),
    )
}


def engine_names() -> list[str]:
    """Names of all engines, the default first."""
    first = _auto()
    return [first, *(name for name in _entries() if name != first)]


def engine_info(name: str) -> EngineInfo:
    """The facts about an engine as of now; `auto` is the default engine. Raises InputError for an unknown name."""
    entry = _entry(name)
    reason = _reason(entry)
    return attrs.evolve(entry.info, available=not reason, reason=reason)


def builtin_info(name: str) -> EngineInfo:
    """The facts about one of the package's own engines that do not depend on the computer."""
    return _BUILTIN[name].info


def job_cards() -> list[int]:
    """Numbers of the CUDA cards that jobs run on: those with the memory for every engine that the largest can run.

    So an engine that is available is so on whichever of them a job comes to.
    """
    largest = max((card.memory for card in cards()), default=0)
    needs = (entry.info.memory_bytes for entry in _entries().values() if entry.info.needs_cuda)
    least = max((need for need in needs if need <= largest), default=0)
    return [number for number, card in enumerate(cards()) if card.memory >= least]


def load_engine(name: str, device: str = "cpu") -> VideoEngine:
    """Load an engine with its weights onto a torch device. Raises InputError where it is unknown or unavailable."""
    info, entry = engine_info(name), _entry(name)
    if not info.available:
        raise InputError(f"The engine '{info.name}' cannot run here: {info.reason}.", "Or use 'embedded'.")
    return entry.engine().load(device)


def _entry(name: str) -> _Entry:
    key = _auto() if name == AUTO else name
    if key not in _entries():
        raise InputError(f"There is no video engine called '{name}'.", f"Use one of: {', '.join(engine_names())}.")
    return _entries()[key]


def _auto() -> str:
    return next(name for name in PREFERRED if not _reason(_BUILTIN[name]))


def _reason(entry: _Entry) -> str:
    """Why an engine cannot run on this computer; empty if it can."""
    info = entry.info
    if not info.available:
        return info.reason
    if info.needs_cuda and not cards():
        return "it needs a CUDA card, and torch finds none"
    if info.needs_cuda and info.memory_bytes > max(card.memory for card in cards()):
        largest = max(cards(), key=lambda card: card.memory)
        return (
            f"it needs a card with {info.memory_bytes / 1e9:.1f} GB of memory, and the {largest.name} has "
            f"{largest.memory / 1e9:.1f} GB"
        )
    return entry.missing()


@functools.cache
def _entries() -> dict[str, _Entry]:
    """All engines by name. What cannot be used of other packages' is listed with its reason, and harms no other."""
    plugins = (_plugin(point) for point in entry_points(group=GROUP) if point.name not in (*_BUILTIN, AUTO))
    return _BUILTIN | {entry.info.name: entry for entry in plugins}


def _plugin(point: EntryPoint) -> _Entry:
    """The engine class at an entry point, checked."""
    had_torch = "torch" in sys.modules
    try:
        engine = point.load()
        problem = _breach(engine, point.name)
        if not problem and not had_torch and "torch" in sys.modules:
            problem = "its module imports torch, which must wait for load()"
    except Exception as error:  # another package's code, at import: whatever it raises concerns that engine alone
        problem = f"its module fails to import ({type(error).__name__}: {error})"
    if not problem:
        return _Entry(engine.info, functools.partial(_ask, engine), lambda: engine)
    info = EngineInfo(
        name=point.name,
        title=point.value,
        licence="unknown",
        download_bytes=0,
        memory_bytes=0,
        sizes=SizeRule(minimum=64, maximum=1280, multiple=2),
        max_frames=1,
        needs_cuda=False,
        available=False,
        reason=problem,
    )
    return _Entry(info, lambda: problem, lambda: VideoEngine)


def _ask(engine: type[VideoEngine]) -> str:
    """What an engine of another package says it lacks."""
    try:
        return str(engine.missing())
    except Exception as error:  # as at its import
        return f"its missing() fails ({type(error).__name__}: {error})"


def _breach(engine: type, name: str) -> str:
    """How a class fails to be an engine of this name; empty if it does not."""
    if not _NAME.fullmatch(name):
        return "its name must be small letters, digits and dashes"
    info = getattr(engine, "info", None)
    if not isinstance(info, EngineInfo):
        return "its class has no `info` of the type EngineInfo"
    if info.name != name:
        return f"its info is named '{info.name}', its entry point '{name}'"
    for method in ("missing", "load", "render"):
        if not callable(getattr(engine, method, None)):
            return f"its class has no method {method}()"
    return ""
