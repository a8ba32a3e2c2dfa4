"""What the trajectory is told beside words: the shot's numbers."""

import numpy as np

from dollygrip_backend.predictor.settling import Context

_LEAST_STRENGTH = 0.05  # a camera that moves less, down to not at all, is told apart by its storyboard alone


def condition_vector(context: Context) -> np.ndarray:
    """(8,) of a context. The subject's distance is not among them: it is the unit of the trajectory's positions."""
    x, y = context.subject or (0.5, 0.5)
    strength = max(context.strength, _LEAST_STRENGTH)
    logs = np.log([context.view_degrees / 50, context.duration / 3.4, strength, context.scene_depth])
    where = [x - 0.5, y - 0.5, context.subject is not None]
    return np.array([*logs, *where, np.log(context.aspect)], np.float32)
