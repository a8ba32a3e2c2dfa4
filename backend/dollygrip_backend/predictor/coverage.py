"""How much of a camera's frames the reference shows: what it does not show has to be invented."""

import attrs
import numpy as np

from dollygrip_backend.predictor.clearance import visible_points
from dollygrip_backend.predictor.motion import plan_channels
from dollygrip_backend.predictor.plan import Plan
from dollygrip_backend.predictor.reference import Reference
from dollygrip_backend.predictor.settling import Context, settle

ENOUGH = 2 / 3  # of every frame: a move that no number asks shows at least this much of the reference
_SHARES = (1.0, 0.8, 0.65, 0.5)  # of the way, tried until that is so
_ASIDE = float(np.cos(np.radians(25)))  # of the angle between two looks at a point up to which they see the same of it
_CELLS = 12  # along a frame's longer side: what no point falls into is uncovered
_EVERY = 16  # samples of a camera between the frames that are looked at
_SKY = 1e3  # scene depths: as good as infinitely far


def reach(plan: Plan, context: Context, reference: Reference, unit: float) -> float:
    """Factor in 0..1 on what no number asks of `plan`: how far the picture carries its move.

    It is found for moves of middling size and speed at full strength, so that words like "far", "a little" and "slowly"
    and the strength still tell.
    unit: the subject's distance in scene depths.
    """
    if all(move.asked for phase in plan.phases for move in phase.moves):
        return 1.0
    phases = (
        attrs.evolve(phase, tempo="plain", moves=tuple(attrs.evolve(move, size=1.0) for move in phase.moves))
        for phase in plan.phases
    )
    plan = attrs.evolve(plan, phases=tuple(phases))
    points = surface_points(reference)

    def covered(share: float, strength: float = 1.0) -> float:
        settled = settle(plan, attrs.evolve(context, strength=strength, reach=share), None)
        channels = plan_channels(settled, context)
        channels[:, :3] *= unit
        return coverage(channels[::-_EVERY], points, reference)

    if covered(1.0) >= ENOUGH:
        return 1.0
    # What the numbers ask uncovers what it uncovers: the rest is only kept from adding much to that.
    enough = min(ENOUGH, 0.9 * covered(1.0, strength=0.0))
    return next((share for share in _SHARES if covered(share) >= enough), _SHARES[-1])


def surface_points(reference: Reference) -> np.ndarray:
    """(N, 3) points all over the reference in its camera's frame, in scene depths; those of a plane without depth."""
    depth = np.ones(reference.image.shape[:2]) if reference.depth is None else reference.depth / reference.scene_depth
    return visible_points(np.where(np.isfinite(depth), depth, _SKY), reference.view_degrees, reference.centre)


def coverage(channels: np.ndarray, points: np.ndarray, reference: Reference) -> float:
    """Of cameras (T, 7), channels in scene depths, the least share of a frame that points (N, 3) fall into which it
    sees from nearly the side that the reference does: another side of them is not in the picture."""
    c2w, ratio = reference.level.poses(channels)
    width, height = reference.size
    half_width = np.tan(np.radians(reference.view_degrees) / 2)
    half_height = half_width * height / width
    columns, rows = (max(1, round(_CELLS * side / max(width, height))) for side in (width, height))
    away, least = np.linalg.norm(points, axis=1), 1.0
    for pose, zoom in zip(c2w, ratio, strict=True):
        to = points - pose[:3, 3]
        x, y, z = (to @ pose[:3, :3]).T
        ahead = (z > 1e-6) & ((to * points).sum(1) > _ASIDE * np.linalg.norm(to, axis=1) * away)
        x, y, z = x[ahead], y[ahead], z[ahead]
        u = np.floor((x / z * zoom / half_width / 2 + reference.centre[0]) * columns)
        v = np.floor((y / z * zoom / half_height / 2 + reference.centre[1]) * rows)
        inside = (u >= 0) & (u < columns) & (v >= 0) & (v < rows)
        cells = np.unique(v[inside] * columns + u[inside])
        least = min(least, len(cells) / (columns * rows))
    return least
