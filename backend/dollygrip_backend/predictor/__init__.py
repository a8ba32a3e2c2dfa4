"""Stage 1, camera first: from a prompt and a reference image to camera trajectories."""

from dollygrip_backend.predictor.constraints import Constraints, Keyframe
from dollygrip_backend.predictor.pipeline import CameraPipeline

__all__ = ["CameraPipeline", "Constraints", "Keyframe"]
