"""One take on both sides of the transformer: what the plan and the constraints make of it before, by rule, and the
camera that the transformer's channels become."""

from functools import cached_property

import attrs
import numpy as np

from dollygrip_backend.predictor import pacing
from dollygrip_backend.predictor.channels import SCALE, ending_at, onward, resample, resting
from dollygrip_backend.predictor.clearance import LEAST, clearance
from dollygrip_backend.predictor.conditions import condition_vector
from dollygrip_backend.predictor.constraints import Constraints
from dollygrip_backend.predictor.coverage import reach
from dollygrip_backend.predictor.gaze import looking
from dollygrip_backend.predictor.handheld import sway
from dollygrip_backend.predictor.motion import plan_channels, soon_over
from dollygrip_backend.predictor.plan import EASINGS, Plan
from dollygrip_backend.predictor.reference import Reference
from dollygrip_backend.predictor.settling import Context, settle
from dollygrip_backend.predictor.timing import spread_over

_ROOM = (1.0, 0.8, 0.6, 0.45, 0.3, 0.2, 0.1)  # shares of the way tried until it is clear
_NEARLY, _AT_LEAST = 0.9, 0.5  # of the widest room that a way has; the second where what numbers ask leaves too little
_MARGIN = 1.5  # a storyboard keeps this much more room than its camera needs


@attrs.frozen(eq=False)
class Order:
    """What is asked of all takes: their frames and seconds, how many there are of each prompt, and the rest as in
    `CameraPipeline.__call__`. cropped: as of `Reference.share_of_width`."""

    frames: int
    duration: float
    seed: int
    takes: int = 1
    strength: float = 1.0
    constraints: Constraints = attrs.field(factory=Constraints)
    cropped: float = 1.0


@attrs.frozen(eq=False)
class Draft:
    """A take before the transformer.

    plan: settled, as it is told; unit: the subject's distance in scene depths, the channels' unit of length;
    condition: see `condition_vector`; storyboard, known, given: float32 (64, 7), the first two in units of SCALE, given
    1 where `known` says what the take has to meet; ruled: (frames, 7), the whole take where rules time it, else None.
    """

    take: int
    plan: Plan
    subject: tuple[float, float] | None
    unit: float
    condition: np.ndarray
    storyboard: np.ndarray
    known: np.ndarray
    given: np.ndarray
    ruled: np.ndarray | None

    @cached_property
    def used(self) -> np.ndarray:
        """bool (7,): the channels that the take moves."""
        return np.abs(self.storyboard).max(0) + self.given.max(0) > 0

    def camera(self, clean: np.ndarray, reference: Reference, order: Order) -> tuple[np.ndarray, dict]:
        """The transformer's (64, 7), in units of SCALE -> (frames, 7) in scene depths that meets the constraints, and
        what to tell about it."""
        channels = clean * SCALE
        if not self.given.any():  # a constraint is met later
            storyboard = self.storyboard * SCALE
            channels = ending_at(onward(resting(channels, storyboard), storyboard), storyboard[-1])
        channels = resample(channels, order.frames) if self.ruled is None else self.ruled
        pace, scale = pacing.pace(self.plan), self.unit * reference.scene_depth
        meta: dict = {"plan": str(self.plan), "phase_ends": self.plan.ends}
        if self.plan.gaze:
            context = reference.context(self.subject, self.unit, order.duration, 1.0)
            gone = pace(np.linspace(0, 1, order.frames))
            walked, ray = order.constraints.walked, context.level_ray() * scale
            channels = looking(channels, self.plan, walked, gone, ray, context)
            meta["gaze"] = self.plan.gaze
        channels = order.constraints.met(channels + self._shake(order), scale, pace)
        channels[:, :3] *= self.unit
        if reference.depth is not None:
            near = clearance(channels[:, :3] @ reference.level.matrix, reference.points)
            meta["clearance"] = round(near, 4) if np.isfinite(near) else None
        return channels, meta

    def _shake(self, order: Order) -> np.ndarray:
        """(frames, 7) of the hands that hold the camera."""
        stream = np.random.default_rng((order.seed, self.take))
        strength, since = self.plan.handheld * order.strength, self.plan.sways_from * order.duration
        return sway(order.frames, order.duration, strength, stream, since)


def drafts(
    plan: Plan, subject: tuple[float, float] | None, unit: float, reference: Reference, order: Order
) -> list[Draft]:
    """The takes of one prompt: amounts that its plan leaves open are drawn for each."""
    plan = spread_over(plan, order.frames, order.duration)
    context = reference.context(subject, unit, order.duration, order.strength, order.cropped)
    condition = condition_vector(context)
    known, given = order.constraints.known(order.frames, unit * reference.scene_depth, pacing.pace(plan))
    context = attrs.evolve(context, reach=reach(plan, attrs.evolve(context, cropped=1.0), reference, unit))
    by_rule = _timed_by_rule(plan, order.duration) and not given.any()
    made = []
    for take in range(order.takes):
        settled, channels = storyboard(plan, context, reference, unit, (order.seed, take))
        stream = np.random.default_rng((order.seed, take, 1))
        ruled = plan_channels(settled, context, stream, samples=order.frames) if by_rule else None
        board = (channels / SCALE).astype(np.float32)
        made.append(Draft(take, plan.going_as(settled), subject, unit, condition, board, known, given, ruled))
    return made


def _timed_by_rule(plan: Plan, duration: float) -> bool:
    """Whether a phase is too quick for the network's splines or its timing is said."""
    seconds = duration / sum(phase.share for phase in plan.phases)
    return any(
        phase.lasts or phase.tempo in ("whip", *EASINGS) or soon_over(phase, phase.share * seconds)
        for phase in plan.phases
    )


def storyboard(
    plan: Plan, context: Context, reference: Reference, unit: float, stream: tuple[int, int]
) -> tuple[Plan, np.ndarray]:
    """Of one take, the plan with amounts drawn from the stream, and its (64, 7); a shorter way where there is no room
    for it, and where that makes room."""
    tried = []
    for room in _ROOM:
        drawn = settle(plan, attrs.evolve(context, room=room), np.random.default_rng(stream))
        channels = plan_channels(drawn, context)
        positions = channels[:, :3] @ reference.level.matrix
        tried.append((clearance(positions * unit, reference.points), drawn, channels))
        if tried[-1][0] >= LEAST * _MARGIN:
            break
    widest = min(max(clear for clear, _, _ in tried), LEAST * _MARGIN)
    enough = widest * (_NEARLY if widest >= LEAST else _AT_LEAST)
    return next((drawn, channels) for clear, drawn, channels in tried if clear >= enough)
