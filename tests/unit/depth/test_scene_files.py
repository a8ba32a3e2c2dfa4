"""The data engine's files: what is written is read, what is broken is named, light is calmed without its textures."""

import sys

import attrs
import numpy as np
import pytest

from dollygrip.errors import DollygripError, InputError
from dollygrip_backend.data.develop import denoise, exposure_for, picture
from dollygrip_backend.data.render import blender_python, render_scenes
from dollygrip_backend.data.scenes import Scene, SceneDataset, load_scene, save_scene


@pytest.fixture
def scene() -> Scene:
    random = np.random.default_rng(0)
    depth = random.uniform(1, 9, (2, 6, 10)).astype(np.float32)
    depth[:, :2] = np.inf
    return Scene(
        "a",
        random.integers(0, 256, (2, 6, 10, 3), np.uint8),
        depth,
        np.tile(np.eye(4), (2, 1, 1)),
        np.tile([8.0, 8, 5, 3], (2, 1)),
    )


def test_a_scene_survives_its_file(scene, tmp_path):
    save_scene(tmp_path / "a.npz", scene)
    again = SceneDataset(tmp_path)[0]
    assert (again.name, len(again), again.size) == ("a", 2, (10, 6))
    np.testing.assert_array_equal(again.rgb, scene.rgb)
    np.testing.assert_allclose(again.depth, scene.depth, rtol=1e-3)
    assert again.view_degrees == pytest.approx(2 * np.degrees(np.arctan(5 / 8)))
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_a_broken_scene_is_refused_by_name(scene, tmp_path):
    with pytest.raises(InputError, match="no scenes"):
        SceneDataset(tmp_path)
    (tmp_path / "junk.npz").write_bytes(b"not a zip")
    with pytest.raises(InputError, match=r"junk\.npz"):
        load_scene(tmp_path / "junk.npz")
    save_scene(tmp_path / "whole.npz", scene)
    whole = (tmp_path / "whole.npz").read_bytes()
    for name, kept in (("empty", 0), ("cut", len(whole) // 2)):
        (tmp_path / f"{name}.npz").write_bytes(whole[:kept])
        with pytest.raises(InputError, match=rf"{name}\.npz"):
            load_scene(tmp_path / f"{name}.npz")
    save_scene(tmp_path / "short.npz", attrs.evolve(scene, c2w=scene.c2w[:1]))
    with pytest.raises(InputError, match="c2w has the shape"):
        load_scene(tmp_path / "short.npz")
    for wrong in (0, -1, np.nan):
        save_scene(tmp_path / "depth.npz", attrs.evolve(scene, depth=np.where(scene.depth > 5, wrong, scene.depth)))
        with pytest.raises(InputError, match="zero, negative or not a number"):
            load_scene(tmp_path / "depth.npz")
    np.savez(tmp_path / "pickled.npz", rgb=np.array([{}], object))
    with pytest.raises(InputError, match="pickled"):
        load_scene(tmp_path / "pickled.npz")


def test_denoising_calms_the_light_and_keeps_texture_edge_and_sky():
    random = np.random.default_rng(0)
    shape = (40, 60)
    albedo = np.where((np.indices(shape).sum(0) % 2 == 0)[..., None], 0.8, 0.2) * np.ones(3)  # a fine checker
    depth = np.where(np.arange(60) < 30, 2.0, 8.0) * np.ones((40, 1))
    depth[:8] = np.inf
    normal = np.tile([0.0, 0.0, 1.0], (*shape, 1))
    light = np.where(depth < 5, 0.3, 1.5)[..., None]
    clean = np.where(np.isfinite(depth)[..., None], albedo * light, 0.9)
    noisy = clean * random.uniform(0.4, 1.6, (*shape, 1))
    calm = denoise(noisy, np.where(np.isfinite(depth)[..., None], albedo, 0), normal, depth)
    inner = np.s_[12:-3, 3:-3]
    assert np.abs(calm - clean)[inner].mean() < 0.35 * np.abs(noisy - clean)[inner].mean()
    np.testing.assert_allclose(calm[:6], noisy[:6], rtol=1e-5)


def test_exposure_brings_any_light_to_the_same_picture():
    rgb = np.random.default_rng(0).uniform(0.05, 2, (20, 30, 3))
    one, other = (picture(x, exposure_for(x, 0.18)) for x in (rgb, rgb * 7))
    assert np.abs(one.astype(int) - other).max() <= 1 and 60 < one.mean() < 190


def test_a_missing_or_failing_blender_is_named_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("DOLLYGRIP_BLENDER_PYTHON", str(tmp_path / "nowhere"))
    with pytest.raises(DollygripError, match=r"nowhere.*build\.py dev"):
        blender_python()
    with pytest.raises(DollygripError, match="No module named 'bpy'"):
        render_scenes(tmp_path / "out", 1, 0, python=sys.executable)  # this Python has no bpy
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(("views", "long_side"), [(3, 10), (2, 20)])
def test_scenes_that_exist_are_kept_only_where_they_are_as_asked(scene, tmp_path, views, long_side):
    save_scene(tmp_path / "scene_7_00000.npz", scene)
    kept = render_scenes(tmp_path, 1, 7, 2, long_side=10, python=sys.executable)
    assert kept == [tmp_path / "scene_7_00000.npz"]
    with pytest.raises(InputError, match=rf"scene_7_00000.*2 views, 10 pixels .*, not {views} of {long_side}"):
        render_scenes(tmp_path, 1, 7, views, long_side=long_side, python=sys.executable)


def test_more_views_than_can_be_read_are_not_rendered(tmp_path):
    with pytest.raises(InputError, match="64 at most"):
        render_scenes(tmp_path, 1, 0, views=65, python=sys.executable)
