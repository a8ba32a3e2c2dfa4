"""Takes that are made for a shot under a parent are seen where they were placed in the world."""

import bpy
import numpy as np
import pytest
from bl_ext.user_default.dollygrip.camera import camera
from bl_ext.user_default.dollygrip.direct.predict import PredictCamera
from bl_ext.user_default.dollygrip.rigs import rigs
from bl_ext.user_default.dollygrip.takes import takes, written
from blender.sample_takes import DEPTH, FRAMES, START, add_take, orbit, parent_of, seen

from dollygrip.client import TakeReady
from dollygrip.errors import InputError
from dollygrip.rotations import angle_between
from dollygrip.trajectory import Trajectory

FAR, TURNED = camera.POSITION_TOLERANCE * DEPTH, camera.ANGLE_TOLERANCE


@pytest.fixture
def start(scene, picture_path) -> bpy.types.Object:
    """A shot with a take, and a camera for the next one to start at."""
    add_take(scene, orbit)
    made = bpy.data.objects.new("Set Camera", bpy.data.cameras.new("Set Camera"))
    made.location, made.rotation_euler = (3, -4, 2), (1.2, 0, 0.6)
    scene.collection.objects.link(made)
    brief = scene.dollygrip.brief
    brief.start, brief.reference, brief.prompt, brief.frame_count = made, str(picture_path), "go", 25
    brief.scene_depth = DEPTH
    return made


def predicted(count: int = 25) -> Trajectory:
    """Forward by two metres, turning right, from a reference that was taken where it starts."""
    c2w, t = np.tile(np.eye(4), (count, 1, 1)), np.linspace(0, 1, count)
    c2w[:, 2, 3] = 2 * t
    c2w[:, 0, 0] = c2w[:, 2, 2] = np.cos(0.4 * t)
    c2w[:, 0, 2], c2w[:, 2, 0] = np.sin(0.4 * t), -np.sin(0.4 * t)
    lens = np.tile([1500.0, 1500.0, 960.0, 540.0], (count, 1))
    reference = {"c2w": np.eye(4).tolist(), "intrinsics": lens[0].tolist()}
    return Trajectory(c2w, lens, (1920, 1080), 24.0, DEPTH, {"reference": reference})


def deliver(scene, task) -> bpy.types.Action:
    task.deliver(scene, task.prepare(TakeReady("job", 0, predicted())))
    return takes.shown(scene.camera)


def assert_at(scene, world: np.ndarray, far: float = FAR, turned: float = TURNED) -> None:
    after = camera.sample(bpy.context, START, START + len(world) - 1, scene.camera)
    assert np.linalg.norm(after.positions - world[:, :3, 3], axis=1).max() <= far + 1e-5
    assert angle_between(after.rotations, world[:, :3, :3]).max() <= turned + 1e-6


@pytest.mark.parametrize("rig", [rigs.PLAIN, rigs.PATH, rigs.AIM])
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_a_take_begins_at_the_start_camera_under_any_parent(scene, start, scale, rig):
    """Under a moving, turned parent, also where the take that was shown rides along a path."""
    parent = parent_of(scene, scale)
    bpy.ops.dollygrip.set_rig(kind=rig)
    there = camera.sample(bpy.context, START, START, start).c2w[0]
    action = deliver(scene, PredictCamera.of(bpy.context))
    assert scene.camera.parent == parent
    assert_at(scene, there @ predicted().c2w)
    reference = np.array(takes.provenance(action)["meta"]["reference"]["c2w"])
    assert np.allclose(reference, there, atol=1e-5), "the picture was taken there in the world"


def test_it_is_refitted_from_its_prediction(scene, start):
    parent_of(scene, 2.5)
    there = camera.sample(bpy.context, START, START, start).c2w[0]
    action = deliver(scene, PredictCamera.of(bpy.context))
    assert not written.is_edited(action)
    bpy.ops.dollygrip.refit(position=3.0, rotation="QUATERNION")
    bpy.ops.dollygrip.refit(position=0.01, angle=1e-3)
    assert_at(scene, there @ predicted().c2w, 1e-4 * DEPTH, 1e-3)


@pytest.mark.parametrize("rig", [rigs.PLAIN, rigs.PATH])
def test_more_like_it_begins_where_it_begins(scene, start, rig):
    parent_of(scene, 2.5)
    there = camera.sample(bpy.context, START, START, start).c2w[0]
    action = deliver(scene, PredictCamera.of(bpy.context))
    bpy.ops.dollygrip.set_rig(kind=rig)
    deliver(scene, PredictCamera.like(bpy.context, scene.camera, action, 1))
    assert_at(scene, there @ predicted().c2w)


def test_more_like_a_take_that_was_parented_later_begins_where_that_is_seen(scene, start):
    action = deliver(scene, PredictCamera.of(bpy.context))
    parent_of(scene, 1.0)
    moved = camera.sample(bpy.context, START, START, scene.camera).c2w[0]
    deliver(scene, PredictCamera.like(bpy.context, scene.camera, action, 1))
    assert_at(scene, moved @ predicted().c2w)


def test_a_loaded_camera_stands_where_it_was_saved(scene, tmp_path):
    add_take(scene, orbit)
    parent_of(scene, 2.5)
    before, path = seen(scene), str(tmp_path / "take.camera.json")
    bpy.ops.dollygrip.save_take(filepath=path)
    bpy.ops.dollygrip.load_take(filepath=path)
    assert len(scene.dollygrip.take_list) == 2 and len(before) == FRAMES
    assert_at(scene, before.c2w)


def test_a_parent_scaled_to_nothing_is_said_and_leaves_no_empty_take(scene, start):
    parent_of(scene, 0.0)
    action, known = takes.shown(scene.camera), len(bpy.data.actions)
    task = PredictCamera.of(bpy.context)
    asked = [lambda: deliver(scene, task), lambda: seen(scene), lambda: rigs.poses(bpy.context, scene.camera)]
    for ask in asked:
        with pytest.raises(InputError, match=f"{scene.camera.name} is scaled to nothing on frame {START}"):
            ask()
    with pytest.raises(RuntimeError, match="is scaled to nothing"):
        bpy.ops.dollygrip.apply_physics()
    assert takes.shown(scene.camera) == action and len(scene.dollygrip.take_list) == 1
    assert len(bpy.data.actions) == known
