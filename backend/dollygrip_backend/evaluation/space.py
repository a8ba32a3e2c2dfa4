"""Does a predicted camera know the space it is in? Measured on held-out scenes with exact depth.

Each figure is a share of cases: room (no take comes near a surface unless asked), aim ("toward the red door" ends
pointing at it), sight (what a name tells apart is found in every view), turn ("pan left to the red door" does, too),
distance (an orbit turns about its subject where it truly is), constraints (keyframes and paths met).
"""

from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np

from dollygrip.errors import InputError
from dollygrip.rotations import matrix_from_rotvec, rotvec_from_matrix
from dollygrip.trajectory import Trajectory
from dollygrip_backend.data.objects import SceneObject, unambiguous
from dollygrip_backend.data.scenes import Scene, SceneDataset
from dollygrip_backend.evaluation.judge import jerk
from dollygrip_backend.predictor import CameraPipeline, Constraints, Keyframe
from dollygrip_backend.predictor.clearance import LEAST, clearance, visible_points
from dollygrip_backend.predictor.reference import Reference

_FRAMES = 81
_AIM = 8.0  # degrees
_RADIUS = 0.15  # of the true distance
_ASIDE = 8.0  # degrees: a pan goes to what lies at least so far to the side
_LEAST_SHARE = 0.004  # of the picture: what a person would name in a prompt
_MOVES = (
    "slowly push in", "dolly back", "truck to the left", "slide right", "crane up", "sink down to the floor",
    "orbit left around it", "circle to the right", "pan left and dolly in", "rise while moving back",
    "walk forward, then look up", "drift right while zooming in",
)  # fmt: skip
_TOWARD = ("push in toward the {}", "dolly in on the {}", "move closer to the {}", "walk up to the {}")


@attrs.frozen
class Space:
    """Shares from 0 to 1 with the count of cases each, None where there is none; the constraints' largest errors in
    scene depths and degrees."""

    room: float
    room_everywhere: float
    takes: int
    aim: float
    found: float
    named: int
    sight: float
    things: int
    turn: float | None
    turns: int
    distance: float
    orbits: int
    keyframe_position: float
    keyframe_degrees: float
    path: float
    constrained_jerk: float
    free_jerk: float

    def lines(self) -> list[str]:
        """The table, one figure a line."""
        turn = "none" if self.turn is None else f"{self.turn:.1%}"
        return [
            f"  takes no nearer than {LEAST:.0%} of scene depth to what view 0 shows  {self.room:6.1%} of {self.takes}",
            f"  ... to what any view shows                       {self.room_everywhere:6.1%} of {self.takes}",
            f"  toward the <colour> <object>: ends within {_AIM:g} degrees          {self.aim:6.1%} of {self.named}",
            f"  ... the object found in the picture                           {self.found:6.1%} of {self.named}",
            f"  named things of all views: found within {_AIM:g} degrees          {self.sight:6.1%} of {self.things}",
            f"  pan to it, its side said: faces it within {_AIM:g} degrees          {turn:>6s} of {self.turns}",
            f"  orbits about it: within {_RADIUS:.0%} of the true distance      {self.distance:6.1%} of {self.orbits}",
            f"  keyframes met within {self.keyframe_position:.2%} of scene depth, {self.keyframe_degrees:.3f} degrees",
            f"  paths met within {self.path:.2%} of scene depth",
            f"  median jerk with keyframes {self.constrained_jerk:.0f}, without {self.free_jerk:.0f}",
        ]


def evaluate_space(pipeline: CameraPipeline, folder: Path) -> Space:
    """Measure on every scene of `folder`. Raises InputError where none of them names an object to go to."""
    scenes = SceneDataset(folder)
    if not any(any(_named(scene)) for scene in scenes):
        raise InputError(
            f"No scene in {folder} has a name and a colour for an object of its first view.",
            "Render scenes with `dollygrip data scenes`.",
        )
    rooms, aims, finds, sights, turns, radii, keys, paths, bent, free = ([] for _ in range(10))
    for index in range(len(scenes)):
        scene = scenes[index]
        takes = pipeline.batch(
            scene.rgb[0], _MOVES, _FRAMES, seed=index, depth=scene.depth[0], view_degrees=scene.view_degrees
        )
        everywhere = _all_points(scene)
        rooms += [_rooms(take, scene, everywhere) for take in takes]
        for item, phrase in _named(scene):
            aims_at, found_at = _aim(pipeline, scene, item, phrase)
            aims.append(aims_at)
            finds.append(found_at)
            turns += _turn(pipeline, scene, item, phrase)
            radii.append(_radius_error(pipeline, scene, item, phrase))
        sights += _sights(pipeline, scene)
        key, path, jerks = _constraint_errors(pipeline, scene, index)
        keys.append(key)
        paths.append(path)
        bent.append(jerks[0])
        free.append(jerks[1])
    room, everywhere = np.mean(rooms, 0)
    position, degrees = np.max(keys, 0)
    return Space(
        room=float(room),
        room_everywhere=float(everywhere),
        takes=len(rooms),
        aim=float(np.mean(np.array(aims) <= _AIM)),
        found=float(np.mean(finds)),
        named=len(aims),
        sight=float(np.mean(np.array(sights) <= _AIM)),
        things=len(sights),
        turn=float(np.mean(np.array(turns) <= _AIM)) if turns else None,
        turns=len(turns),
        distance=float(np.mean(np.array(radii) <= _RADIUS)),
        orbits=len(radii),
        keyframe_position=float(position),
        keyframe_degrees=float(degrees),
        path=float(np.max(paths)),
        constrained_jerk=float(np.median(bent)),
        free_jerk=float(np.median(free)),
    )


def _rooms(take: Trajectory, scene: Scene, everywhere: np.ndarray) -> tuple[bool, bool]:
    """Whether the take keeps away from what view 0 shows, and from what all views show."""
    seen = visible_points(scene.depth[0], scene.view_degrees)
    depth = take.scene_depth
    return tuple(clearance(take.positions / depth, points / depth) >= LEAST for points in (seen, everywhere))


def _all_points(scene: Scene) -> np.ndarray:
    """(N, 3) points that any view shows, in view 0's frame."""
    back = np.linalg.inv(scene.c2w[0])
    points = []
    for view in range(len(scene)):
        degrees = float(2 * np.degrees(np.arctan(scene.size[0] / 2 / scene.intrinsics[view, 0])))
        seen = visible_points(scene.depth[view], degrees)
        move = back @ scene.c2w[view]
        points.append(seen @ move[:3, :3].T + move[:3, 3])
    return np.concatenate(points)


def _named(scene: Scene) -> Iterator[tuple[SceneObject, str]]:
    """Objects of view 0 that a colour and a name tell apart and that are large enough to be spoken of."""
    for phrase, item in unambiguous(scene.objects_in(0)):
        if item.colour and phrase == item.phrase and item.share >= _LEAST_SHARE:
            yield item, phrase


def _where(scene: Scene, item: SceneObject) -> np.ndarray:
    """(3,) in view 0's frame."""
    return (np.linalg.inv(scene.c2w[0]) @ np.append(scene.position(item), 1))[:3]


def _predict(pipeline: CameraPipeline, scene: Scene, prompt: str, **options) -> Trajectory:
    given = {"depth": scene.depth[0], "view_degrees": scene.view_degrees, **options}
    return pipeline(scene.rgb[0], prompt, frames=_FRAMES, **given)[0]


def _aim(pipeline: CameraPipeline, scene: Scene, item: SceneObject, phrase: str) -> tuple[float, bool]:
    """Degrees between the last frame's axis and the object; whether the take's subject lies on the object."""
    prompt = _TOWARD[int(item.x * 1000) % len(_TOWARD)].format(phrase)
    take = _predict(pipeline, scene, prompt)
    ahead = _where(scene, item) - take.positions[-1]
    cosine = take.rotations[-1, :, 2] @ ahead / np.linalg.norm(ahead)
    subject = take.meta.get("subject")
    near = subject is not None and abs(subject[0] - item.x) < 0.08 and abs(subject[1] - item.y) < 0.12
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))), near


def _sights(pipeline: CameraPipeline, scene: Scene) -> Iterator[float]:
    """Degrees between where each thing that a name tells apart is and where it is found, view by view; inf where it is
    not."""
    for view in range(len(scene)):
        things = [both for both in unambiguous(scene.objects_in(view)) if both[1].share >= _LEAST_SHARE]
        if not things:
            continue
        reference = Reference.of(scene.rgb[view], depth=scene.depth[view])
        found = pipeline.read([_TOWARD[0].format(phrase) for phrase, _ in things], reference).subjects
        for (_, item), place in zip(things, found, strict=True):
            yield _apart(scene, item, place) if place else np.inf


def _apart(scene: Scene, item: SceneObject, place: tuple[float, float]) -> float:
    """Degrees between an object and another place (x, y), from 0 to 1, of its view, as the camera sees them."""
    eye = scene.c2w[item.view][:3, 3]
    true, other = (scene.position(seen) - eye for seen in (item, attrs.evolve(item, x=place[0], y=place[1])))
    cosine = true @ other / np.linalg.norm(true) / np.linalg.norm(other)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _turn(pipeline: CameraPipeline, scene: Scene, item: SceneObject, phrase: str) -> list[float]:
    """Degrees about the vertical between the last frame's axis and an object that lies well to the side; else none."""
    x, _, z = _where(scene, item)
    aside = np.degrees(np.arctan2(x, z))
    if abs(aside) < _ASIDE:
        return []
    side = "right" if aside > 0 else "left"
    x, _, z = _predict(pipeline, scene, f"pan {side} to the {phrase}").rotations[-1, :, 2]
    return [float(abs(np.degrees(np.arctan2(x, z)) - aside))]


def _radius_error(pipeline: CameraPipeline, scene: Scene, item: SceneObject, phrase: str) -> float:
    """Relative error of the distance at which an orbit about the object truly turns.

    The pivot is the point nearest to all viewing planes of the yawing camera: for a rotation by an angle about a
    pivot, chord = 2 r sin(angle / 2).
    """
    take = _predict(pipeline, scene, f"orbit left 60 degrees around the {phrase}")
    angle = np.linalg.norm(rotvec_from_matrix(take.rotations[-1:])[0])
    chord = np.linalg.norm(take.positions[-1] - take.positions[0])
    radius = chord / max(2 * np.sin(angle / 2), 1e-6)
    true = np.linalg.norm(_where(scene, item)[[0, 2]])
    return float(abs(radius / true - 1))


def _constraint_errors(
    pipeline: CameraPipeline, scene: Scene, seed: int
) -> tuple[tuple[float, float], float, tuple[float, float]]:
    """Largest keyframe error (scene depths, degrees), largest distance from a path (scene depths), jerks with and
    without keyframes."""
    rng = np.random.default_rng(seed)
    free = _predict(pipeline, scene, "drift forward and to the left")
    depth = free.scene_depth
    chosen = np.sort(rng.choice(np.arange(10, _FRAMES), 2, replace=False))
    keys = tuple(
        Keyframe(int(f), free.positions[f] + rng.normal(0, 0.08, 3) * depth, free.rotations[f] @ _turned(rng, 8.0))
        for f in chosen
    )
    take = _predict(pipeline, scene, "drift forward and to the left", constraints=Constraints(keys))
    off = [np.linalg.norm(take.positions[k.frame] - k.position) / depth for k in keys]
    turns = [
        np.degrees(np.linalg.norm(rotvec_from_matrix((k.rotation.T @ take.rotations[k.frame])[None]))) for k in keys
    ]
    t = np.linspace(0, 1, 60)[:, None]
    path = depth * (t * rng.normal(0, 0.3, 3) + np.sin(np.pi * t) * rng.normal(0, 0.15, 3))
    walked = _predict(pipeline, scene, "look around slowly to the left", constraints=Constraints(path=path))
    away = np.linalg.norm(walked.positions[:, None] - _dense(path)[None], axis=-1).min(1).max() / depth
    return (max(off), max(turns)), float(away), (jerk(take), jerk(free))


def _turned(rng: np.random.Generator, degrees: float) -> np.ndarray:
    return matrix_from_rotvec(np.radians(rng.normal(0, degrees, (1, 3))))[0]


def _dense(path: np.ndarray) -> np.ndarray:
    at = np.linspace(0, len(path) - 1, 2000)
    return np.stack([np.interp(at, np.arange(len(path)), path[:, axis]) for axis in range(3)], 1)
