"""The scale of a view: the median depth of its surfaces."""

import numpy as np


def median_depth(depth: np.ndarray) -> float:
    """Median of depths of any shape, in their unit, the sky (inf) left out; inf where there is nothing else."""
    surfaces = depth[np.isfinite(depth)]
    return float(np.median(surfaces)) if surfaces.size else float("inf")
