"""Stage 1, camera first: from a prompt and a reference image to camera trajectories."""

from dollygrip_backend.predictor.constraints import Constraints, Keyframe

__all__ = ["CameraPipeline", "Constraints", "Keyframe"]


def __getattr__(name: str):
    """CameraPipeline brings torch, which the server does without."""
    if name == "CameraPipeline":
        from dollygrip_backend.predictor.pipeline import CameraPipeline

        return CameraPipeline
    raise AttributeError(name)
