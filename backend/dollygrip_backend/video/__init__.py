"""Stage 2: video of a reference image along a camera trajectory. No torch is imported before an engine is loaded."""

from dollygrip_backend.video.engine import (
    EngineInfo,
    Progress,
    Shot,
    SizeRule,
    VideoEngine,
    check_form,
    check_shot,
    check_values,
    render_rest,
)
from dollygrip_backend.video.registry import engine_info, engine_names, job_cards, load_engine

__all__ = [
    "EngineInfo",
    "Progress",
    "Shot",
    "SizeRule",
    "VideoEngine",
    "check_form",
    "check_shot",
    "check_values",
    "engine_info",
    "engine_names",
    "job_cards",
    "load_engine",
    "render_rest",
]
