"""Where a camera looks on a drawn path, where that is said: where it goes, back the way it came, or at its subject.

Rules on top of the reader, which knows of no path: "look where you go" is no pan to it.
"""

import re

import attrs
import numpy as np

from dollygrip.rotations import matrix_from_rotvec, rotvec_from_matrix
from dollygrip_backend.predictor.channels import angles_of_rotation, rotation_of_angles
from dollygrip_backend.predictor.constraints import Constraints
from dollygrip_backend.predictor.motion import PITCH, ROLL, YAW
from dollygrip_backend.predictor.pacing import travels
from dollygrip_backend.predictor.plan import Move, Plan

AHEAD, BACK, SUBJECT = "ahead", "back", "subject"

_LOOKS = r"\b(?:look|fac|point|aim|gaz|turn|orient|align)\w*\b[^.;]{0,24}?"
_GOING = (
    r"(?:where(?:ver)? (?:it|we|you|the camera)(?:'s|'re| is| are)? (?:go|head|fly|mov|travel|driv|walk)\w*"
    r"|(?:the )?direction (?:of (?:the )?(?:travel|motion|movement|path|flight)|it|we|you)"
    r"|(?:its|our|the) (?:own )?heading"
    r"|along (?:the|its|our|this) (?:path|way|curve|track|line|road|route|spline))"
)
_AHEAD = re.compile(
    rf"{_LOOKS}(?:\bahead\b|\bforwards?\b|\bto the front\b|{_GOING})|\bforward[- ]facing\b|\bnose[- ]first\b"
    r"|\bfpv\b|\bpov\b|\bfirst[- ]person\b|\bfly[- ]?through\b|\bthrough the windscreen\b"
    r"|\beyes? (?:on the (?:road|path|way)|ahead|forward)\b",
    re.IGNORECASE,
)
_BACK = re.compile(
    rf"{_LOOKS}(?:\bback(?:wards?)?\b(?! (?:at|to) (?:the|her|him|it|them)\b)|\bbehind\b"
    r"|where (?:it|we|you|the camera) c[ao]me)"
    r"|\bback(?:ward)?s?[- ]facing\b|\bback(?:wards?)? the way\b|\bin reverse\b",
    re.IGNORECASE,
)
_SEEN = (-0.03, 0.09)  # of the path's length, about where the camera is: its direction there is told by these points
_STEEP = 0.12  # of a direction that is level: where less is, it tells no heading
_HIGHEST = np.radians(80)  # above and below the level: no camera rolls over
_HASTE = np.radians(45)  # a second: how fast the reference's view is left for the gaze


def said_gaze(prompt: str, plan: Plan, named: bool, chosen: bool) -> str:
    """Where a prompt has a camera look on its path, "" where it says nothing of that.

    named: the subject is something that the words name and the picture shows; chosen: the animator pointed at it.
    """
    if _BACK.search(prompt):
        return BACK
    if _AHEAD.search(prompt):
        return AHEAD
    return SUBJECT if chosen or (named and plan.kept) else ""


def walking(plan: Plan) -> Plan:
    """The plan whose first phase that moves does not turn, which is what a gaze was taken for: "look ahead along the
    path" is no pan. Where nothing travels, what moves goes along the path."""
    first = _first(plan)
    turned = [("pan", "tilt") if i == first else () for i in range(len(plan.phases))]
    kept = [
        tuple(move for move in phase.moves if move.family not in families)
        for phase, families in zip(plan.phases, turned, strict=True)
    ]
    phases = [attrs.evolve(phase, moves=moves) for phase, moves in zip(plan.phases, kept, strict=True)]
    if not any(phase.moves and travels(phase) for phase in phases):
        phases = [
            attrs.evolve(phase, moves=(Move("dolly", "in"), *phase.moves)) if phase.moves or i == first else phase
            for i, phase in enumerate(phases)
        ]
    return attrs.evolve(plan, phases=tuple(phases))


def _first(plan: Plan) -> int:
    return next((i for i, phase in enumerate(plan.phases) if phase.moves), 0)


def looking(
    channels: np.ndarray, plan: Plan, constraints: Constraints, gone: np.ndarray, aim: np.ndarray, seconds: float
) -> np.ndarray:
    """Channels (T, 7) of a take, its yaw and pitch those of the plan's gaze on the path of `constraints`.

    gone: (T,) shares of the path; aim: (3,) the subject, in the path's unit; seconds: how long the shot is.
    """
    if plan.gaze == SUBJECT:
        return gazing(channels, aim - constraints.walked(gone), constraints.up, 1.0, seconds)
    before, after = (constraints.walked(np.clip(gone + seen, 0, 1)) for seen in _SEEN)
    way = 1 if plan.gaze == AHEAD else -1
    return gazing(channels, way * (after - before), constraints.up, plan.ends[_first(plan)], seconds)


def gazing(channels: np.ndarray, towards: np.ndarray, up: np.ndarray, ends: float, seconds: float) -> np.ndarray:
    """Channels (T, 7) of a camera that looks `towards` (T, 3), its horizon level, whatever its own yaw and pitch were.

    up: (3,) of the sky; both in frame 0's axes. From frame 0's view it turns there without haste. Turns after the share
    `ends` of the time, and rolls, are made beside that; seconds: how long the shot is.
    """
    level = _levelled(towards, up)
    apart = rotvec_from_matrix(level[0].T[None])  # (1, 3) from where it should look to where frame 0 does
    time = np.linspace(0, 1, len(channels))
    turning = np.clip(np.linalg.norm(apart) / _HASTE / max(seconds, 1e-6), 1e-6, 0.5)
    left = 1 - np.clip(time / turning, 0, 1)
    left = left * left * (3 - 2 * left)
    own = channels[:, [YAW, PITCH, ROLL]].copy()
    own[:, :2] -= own[np.searchsorted(time, ends - 1e-9), :2]
    own[time < ends, :2] = 0
    out = channels.copy()
    turned = level @ matrix_from_rotvec(left[:, None] * apart) @ rotation_of_angles(own)
    out[:, [YAW, PITCH, ROLL]] = angles_of_rotation(turned)
    return out


def _levelled(towards: np.ndarray, up: np.ndarray) -> np.ndarray:
    """(T, 3, 3) of cameras that look along (T, 3) with a level horizon; where that is steep, the heading is that of
    before and after."""
    up = up / np.linalg.norm(up)
    length = np.maximum(np.linalg.norm(towards, axis=1), 1e-12)
    rise = towards @ up
    flat = towards - rise[:, None] * up
    sure = np.flatnonzero(np.linalg.norm(flat, axis=1) > _STEEP * length)
    if len(sure):
        heading = np.stack([np.interp(np.arange(len(flat)), sure, flat[sure, axis]) for axis in range(3)], 1)
    else:
        heading = np.tile(np.array([0.0, 0, 1]) - up[2] * up, (len(flat), 1))
    heading /= np.maximum(np.linalg.norm(heading, axis=1, keepdims=True), 1e-12)
    height = np.clip(np.arcsin(np.clip(rise / length, -1, 1)), -_HIGHEST, _HIGHEST)[:, None]
    forward = np.cos(height) * heading + np.sin(height) * up
    right = np.cross(-up, heading)
    return np.stack([right, np.cross(forward, right), forward], -1)
