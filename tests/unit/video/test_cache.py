"""The 3D cache against geometry that is known in closed form."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rendered_cache import rendered

from dollygrip.rotations import matrix_from_rotvec
from dollygrip_backend.scene.cache import SceneCache
from dollygrip_backend.scene.layers import split
from dollygrip_backend.scene.mapping import Camera, in_view
from dollygrip_backend.scene.warp import locate, warp

WIDTH, HEIGHT = 96, 64
LENS = np.array([90.0, 90.0, 48.0, 32.0])


def smooth_image(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A picture without frequencies that resampling would lose, and different everywhere."""
    x, y = image_coordinates(width, height)
    waves = [np.sin(x / 9 + y / 17), np.sin(x / 13 - y / 8), np.cos(x / 21 + y / 11)]
    return np.stack([127.5 + 100 * w for w in waves], -1).round().astype(np.uint8)


def image_coordinates(width: int = WIDTH, height: int = HEIGHT) -> tuple[np.ndarray, np.ndarray]:
    """Centres of all pixels."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    return x, y


def bilinear(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The image at continuous coordinates, clamped at the border."""
    gx = np.clip(x - 0.5, 0, image.shape[1] - 1.000001)
    gy = np.clip(y - 0.5, 0, image.shape[0] - 1.000001)
    left, top = gx.astype(int), gy.astype(int)
    u, v = (gx - left)[..., None], (gy - top)[..., None]
    image = image.astype(float)
    upper = image[top, left] * (1 - u) + image[top, left + 1] * u
    lower = image[top + 1, left] * (1 - u) + image[top + 1, left + 1] * u
    return upper * (1 - v) + lower * v


def psnr(a: np.ndarray, b: np.ndarray, where: np.ndarray | None = None) -> float:
    error = (a.astype(float) - b) ** 2
    error = error if where is None else error[where]
    return 10 * np.log10(255**2 / max(error.mean(), 1e-9))


def pose(rotvec=(0.0, 0.0, 0.0), position=(0.0, 0.0, 0.0)) -> np.ndarray:
    c2w = np.eye(4)
    c2w[:3, :3] = matrix_from_rotvec(np.array(rotvec, float))
    c2w[:3, 3] = position
    return c2w


def steps_depth() -> np.ndarray:
    """A near box before a far wall, beside a strip of sky."""
    depth = np.full((HEIGHT, WIDTH), 6.0, np.float32)
    depth[20:50, 30:60] = 2.0
    depth[:10] = np.inf
    return depth


def beside_edges(depth: np.ndarray) -> np.ndarray:
    """Pixels with a neighbour of another depth: they show two surfaces, and may have the depth of either."""
    beside = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        for step in (-1, 1):
            beside |= depth != np.roll(depth, step, axis)
    return beside


def render(cache: SceneCache, c2w: np.ndarray, lens: np.ndarray, size: tuple[int, int] = (WIDTH, HEIGHT)):
    return rendered(cache, c2w, lens, size)


@given(
    rotvec=st.tuples(*[st.floats(-1, 1)] * 3),
    position=st.tuples(*[st.floats(-50, 50)] * 3),
    zoom=st.floats(0.4, 4),
    shift=st.tuples(*[st.floats(-40, 40)] * 2),
)
@settings(max_examples=20, deadline=None)
def test_the_view_it_was_built_from_comes_back(rotvec, position, zoom, shift):
    image, c2w = smooth_image(), pose(rotvec, position)
    lens = LENS * [zoom, zoom, 1, 1] + [0, 0, *shift]
    guide = render(SceneCache.from_view(image, steps_depth(), c2w, lens), c2w, lens)
    assert not guide.hole.any()
    assert np.abs(guide.rgb.astype(int) - image).max() <= 2
    agrees = np.isclose(guide.depth, steps_depth(), rtol=1e-5)
    assert agrees[~beside_edges(steps_depth())].all()


@given(pixels=st.integers(-30, 30), z=st.floats(0.5, 40))
@settings(max_examples=20, deadline=None)
def test_truck_along_a_plane_shifts_by_focal_times_distance_over_depth(pixels, z):
    image = smooth_image()
    cache = SceneCache.from_view(image, np.full((HEIGHT, WIDTH), z, np.float32), np.eye(4), LENS)
    guide = render(cache, pose(position=(pixels * z / LENS[0], 0, 0)), LENS)
    shifted = np.roll(image, -pixels, 1)
    seen = np.roll(np.ones((HEIGHT, WIDTH), bool), -pixels, 1)
    seen[:, WIDTH - pixels :] = False if pixels > 0 else seen[:, WIDTH - pixels :]
    if pixels < 0:
        seen[:, :-pixels] = False
    assert psnr(guide.rgb, shifted, seen & ~guide.hole) > 50
    inner = seen.copy()
    inner[:, :-1] &= seen[:, 1:]
    inner[:, 1:] &= seen[:, :-1]
    assert not guide.hole[inner].any()
    assert guide.hole[~(seen | np.roll(seen, 1, 1) | np.roll(seen, -1, 1))].all()


@given(
    rotvec=st.tuples(st.floats(-0.25, 0.25), st.floats(-0.3, 0.3), st.floats(-0.8, 0.8)),
    zoom=st.floats(0.6, 2.5),
    shift=st.tuples(*[st.floats(-15, 15)] * 2),
)
@settings(max_examples=25, deadline=None)
def test_rotation_and_zoom_warp_by_the_homography_whatever_the_depth(rotvec, zoom, shift):
    image, c2w, target = smooth_image(), pose(rotvec), LENS * [zoom, zoom, 1, 1] + [0, 0, *shift]
    guide = render(SceneCache.from_view(image, steps_depth(), np.eye(4), LENS), c2w, target)
    x, y = image_coordinates()
    ray = np.stack([(x - target[2]) / target[0], (y - target[3]) / target[1], np.ones_like(x)], -1) @ c2w[:3, :3].T
    sx, sy = ray[..., 0] / ray[..., 2] * LENS[0] + LENS[2], ray[..., 1] / ray[..., 2] * LENS[1] + LENS[3]
    inside = (ray[..., 2] > 0) & (sx > 1) & (sx < WIDTH - 1) & (sy > 1) & (sy < HEIGHT - 1)
    # Rotation uncovers nothing: what lies inside the picture has no holes but where a rim is not opaque, and is the
    # exact warp.
    if inside.any():
        assert guide.hole[inside].mean() < 0.025
        assert psnr(guide.rgb, bilinear(image, sx, sy), inside & ~guide.hole) > 40


def test_zoom_two_is_the_centre_crop():
    image = smooth_image()
    cache = SceneCache.from_view(image, np.full((HEIGHT, WIDTH), 3.0, np.float32), np.eye(4), LENS)
    guide = render(cache, np.eye(4), LENS * [2, 2, 1, 1])
    x, y = image_coordinates()
    assert not guide.hole.any()
    assert psnr(guide.rgb, bilinear(image, x / 2 + WIDTH / 4, y / 2 + HEIGHT / 4)) > 48


@given(
    normal=st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4)),
    rotvec=st.tuples(*[st.floats(-0.2, 0.2)] * 3),
    position=st.tuples(st.floats(-0.8, 0.8), st.floats(-0.8, 0.8), st.floats(-1.5, 1.2)),
)
@settings(max_examples=25, deadline=None)
def test_a_slanted_plane_is_warped_exactly_in_colour_and_depth(normal, rotvec, position):
    image, c2w = smooth_image(), pose(rotvec, position)
    x, y = image_coordinates()
    n = np.array([*normal, 1.0])  # plane n . X = 4
    rays = np.stack([(x - LENS[2]) / LENS[0], (y - LENS[3]) / LENS[1], np.ones_like(x)], -1)
    guide = render(SceneCache.from_view(image, 4 / (rays @ n), np.eye(4), LENS), c2w, LENS)
    world = rays @ c2w[:3, :3].T
    z = (4 - n @ c2w[:3, 3]) / (world @ n)
    point = c2w[:3, 3] + world * z[..., None]
    sx, sy = point[..., 0] / point[..., 2] * LENS[0] + LENS[2], point[..., 1] / point[..., 2] * LENS[1] + LENS[3]
    inside = (z > 0.1) & (point[..., 2] > 0.1) & (sx > 1) & (sx < WIDTH - 1) & (sy > 1) & (sy < HEIGHT - 1)
    assert guide.hole[inside].mean() < 0.002 if inside.any() else True
    seen = inside & ~guide.hole
    if seen.any():
        assert psnr(guide.rgb, bilinear(image, sx, sy), seen) > 42
        np.testing.assert_allclose(guide.depth[seen], z[seen], rtol=2e-3)


def test_detail_shows_where_the_camera_zooms_and_only_there():
    image = smooth_image()
    fine = np.zeros((2 * HEIGHT, 2 * WIDTH, 3), np.uint8)
    fine[..., 1] = 255 * ((np.arange(2 * WIDTH) // 2) % 2)  # stripes one coarse pixel wide
    plane = np.full((HEIGHT, WIDTH), 3.0, np.float32)
    cache = SceneCache.from_view(image, plane, np.eye(4), LENS, detail=fine)
    assert (render(cache, np.eye(4), LENS).rgb == image).all()
    zoomed = render(cache, np.eye(4), LENS * [2, 2, 1, 1])
    assert np.abs(zoomed.rgb.astype(int) - fine[HEIGHT // 2 : -HEIGHT // 2, WIDTH // 2 : -WIDTH // 2]).max() <= 1


def test_an_edge_opens_a_hole_of_the_parallax_and_nothing_is_smeared_across_it():
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    near = np.zeros((HEIGHT, WIDTH), bool)
    near[:, 30:60] = True
    image[near], image[~near] = (255, 0, 0), (0, 0, 255)
    depth = np.where(near, 2.0, 6.0).astype(np.float32)
    # The box moves left by 9 pixels, the wall by 3: behind its right edge 6 columns open, and as the wall continues a
    # pixel under the box, 5 of them are unknown.
    move = 0.2
    guide = render(SceneCache.from_view(image, depth, np.eye(4), LENS), pose(position=(move, 0, 0)), LENS)
    assert guide.hole[:, 51:56].all()
    assert guide.hole[:, 5:90].sum(1).max() <= 8
    pure = np.any([np.abs(guide.rgb.astype(int) - colour).max(-1) <= 12 for colour in ([255, 0, 0], [0, 0, 255])], 0)
    mixed = ~pure & ~guide.hole
    assert mixed[:, 5:90].sum(1).max() <= 2  # at most the one pixel that each edge runs through
    assert (np.abs(guide.rgb[:, 25:48].astype(int) - [255, 0, 0]) <= 12).all()


def test_sky_stays_put_when_the_camera_moves_and_turns_with_it():
    image = smooth_image()
    cache = SceneCache.from_view(image, np.full((HEIGHT, WIDTH), np.inf, np.float32), np.eye(4), LENS)
    moved = render(cache, pose(position=(100.0, -20.0, 30.0)), LENS)
    assert psnr(moved.rgb, image) > 60 and np.isinf(moved.depth).all()
    turned = render(cache, pose((0, np.arctan(20 / LENS[0]), 0)), LENS)
    assert turned.hole[:, -15:].all() and not turned.hole[16:48, :64].any()


def test_a_surface_seen_flatly_has_no_cracks_from_above():
    """A floor between two and eight pixels below the horizon, then seen from five times as high."""
    image = smooth_image()
    y = image_coordinates()[1]
    depth = np.where(y > LENS[3] + 2, 0.2 * LENS[1] / np.maximum(y - LENS[3], 1.0), np.inf)
    cache = SceneCache.from_view(image, depth, np.eye(4), LENS)
    guide = render(cache, pose(position=(0, -0.8, 0)), LENS)
    z = 1.0 * LENS[1] / np.maximum(y - LENS[3], 1e-3)
    floor = (z < 4.0) & (z > 1.0)
    assert floor.sum() > 500 and not guide.hole[:, 30:66][floor[:, 30:66]].any()
    np.testing.assert_allclose(guide.depth[:, 30:66][floor[:, 30:66]], z[:, 30:66][floor[:, 30:66]], rtol=0.02)


def test_a_mixed_pixel_is_taken_apart_into_its_two_colours():
    """Columns of a red box before blue, antialiased: the wall under its rim is blue, the rim red, and they compose."""
    rgb, disparity = torch.zeros(20, 30, 3), torch.full((20, 30), 0.1)
    rgb[..., 2] = 255.0
    rgb[:, 10:20], disparity[:, 10:20] = torch.tensor([255.0, 0, 0]), 0.5
    rgb[:, 10] = torch.tensor([0.3 * 255, 0, 0.7 * 255])
    layers = split(rgb, disparity)
    assert torch.equal(layers.band[5], torch.tensor([x in (9, 10, 19, 20) for x in range(30)]))
    assert abs(float(layers.alpha[5, 10]) - 0.3) < 0.02 and layers.alpha[5, 11] == 1 and layers.alpha[5, 8] == 0
    assert (layers.rgb[:, 9:11, 0] < 8).all() and (layers.disparity[:, 9:11] == 0.1).all()
    composed = layers.premultiplied + (1 - layers.alpha[..., None]) * layers.rgb
    assert (composed - rgb).abs().max() < 2


def test_known_geometry_takes_the_views_colours_only_where_the_view_saw_it():
    image = smooth_image()
    cache = SceneCache.from_view(image, steps_depth(), np.eye(4), LENS)
    far = torch.full((HEIGHT, WIDTH), 1 / 6)
    _, disparity = cache.render_base(np.eye(4), LENS, (WIDTH, HEIGHT), far)
    hidden = steps_depth() != 6
    inner = ~beside_edges(steps_depth())
    assert ((disparity < 0).numpy() == hidden)[inner].all()


def test_dolly_in_leaves_no_cracks():
    image = smooth_image()
    cache = SceneCache.from_view(image, np.full((HEIGHT, WIDTH), 4.0, np.float32), np.eye(4), LENS)
    guide = render(cache, pose((0, 0, 0.3), (0.1, 0.05, 3.0)), LENS)  # magnified four times
    assert not guide.hole.any()
    np.testing.assert_allclose(guide.depth, 1.0, rtol=1e-3)


def test_an_added_view_is_seen_where_the_first_knows_nothing_and_only_there():
    image = smooth_image()
    plane = np.full((HEIGHT, WIDTH), 3.0, np.float32)
    cache = SceneCache.from_view(image, plane, np.eye(4), LENS)
    aside = pose(position=(1.5, 0, 0))  # 45 pixels
    before = render(cache, aside, LENS)
    green = np.zeros_like(image) + np.array([0, 255, 0], np.uint8)
    cache.add_view(green, plane, aside, LENS, before.hole)
    after = render(cache, aside, LENS)
    assert not after.hole.any()
    assert (after.rgb[before.hole] == [0, 255, 0]).all()
    assert (after.rgb[~before.hole] == before.rgb[~before.hole]).all()
    half_way = render(cache, pose(position=(0.75, 0, 0)), LENS)
    assert (half_way.rgb[:, -20:] == [0, 255, 0]).all() and half_way.hole.mean() < 0.02
    again = render(cache, np.eye(4), LENS)
    assert (again.rgb == image).all()


def test_the_nearer_surface_wins_whichever_view_it_came_from():
    far = SceneCache.from_view(smooth_image(), np.full((HEIGHT, WIDTH), 8.0, np.float32), np.eye(4), LENS)
    red = np.zeros((HEIGHT, WIDTH, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    far.add_view(red, np.full((HEIGHT, WIDTH), 2.0, np.float32), np.eye(4), LENS)
    assert (render(far, np.eye(4), LENS).rgb == [255, 0, 0]).all()


def test_specks_of_a_later_view_do_not_hide_an_earlier_one():
    cache = SceneCache.from_view(smooth_image(), np.full((HEIGHT, WIDTH), 8.0, np.float32), np.eye(4), LENS)
    before = render(cache, np.eye(4), LENS)
    specks = np.zeros((HEIGHT, WIDTH), bool)
    specks[::5, ::7] = True
    red = np.zeros((HEIGHT, WIDTH, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    cache.add_view(red, np.full((HEIGHT, WIDTH), 2.0, np.float32), np.eye(4), LENS, specks)
    assert (render(cache, np.eye(4), LENS).rgb == before.rgb).all()


def test_what_is_invented_ends_behind_what_the_reference_saw_whatever_later_views_say():
    cache = SceneCache.from_view(smooth_image(), np.full((HEIGHT, WIDTH), 8.0, np.float32), np.eye(4), LENS)
    near = np.full((HEIGHT, WIDTH), 2.0, np.float32)
    cache.add_view(smooth_image(), near, np.eye(4), LENS, np.ones((HEIGHT, WIDTH), bool))
    hole = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
    pushed = cache.push_behind(torch.full((HEIGHT, WIDTH), 1.0), hole, np.eye(4), LENS)
    assert (pushed <= 1 / 8).all()


def test_portrait_and_shifted_principal_points():
    image = smooth_image(40, 70)
    lens = np.array([60.0, 75.0, 26.0, 31.0])
    cache = SceneCache.from_view(image, np.full((70, 40), 2.0, np.float32), np.eye(4), lens)
    guide = render(cache, np.eye(4), lens + np.array([0, 0, 5, -7]), (40, 70))
    assert (guide.rgb[:60, 8:] == image[7:67, 3:35]).all()


@pytest.mark.parametrize("depth", [np.zeros((4, 4)), -np.ones((4, 4)), np.full((4, 4), np.nan), np.ones((5, 4))])
def test_impossible_views_are_refused(depth):
    with pytest.raises(ValueError):
        SceneCache.from_view(np.zeros((4, 4, 3), np.uint8), depth, np.eye(4), np.array([4.0, 4, 2, 2]))


poses = st.builds(
    pose,
    rotvec=st.tuples(*[st.floats(-1.2, 1.2)] * 3),
    position=st.tuples(*[st.floats(-8, 8)] * 3),
)


@settings(max_examples=60, deadline=None)
@given(c2w=poses, left=st.integers(1, WIDTH - 9), top=st.integers(1, HEIGHT - 9), zoom=st.floats(0.5, 3))
def test_what_is_called_out_of_view_shows_no_pixel(c2w, left, top, zoom):
    cache = SceneCache.from_view(smooth_image(), steps_depth(), np.eye(4), LENS)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + 8, left : left + 8] = True
    cache.add_view(smooth_image(), steps_depth(), np.eye(4), LENS, mask)
    camera = Camera(c2w, LENS * [zoom, zoom, 1, 1], WIDTH, HEIGHT)
    known = torch.full((HEIGHT, WIDTH), 1 / 5.0)
    for surface in cache.surfaces + cache.fringes:
        if not in_view(surface, c2w[None], camera.intrinsics[None], (WIDTH, HEIGHT))[0]:
            assert not len(warp(surface, camera).pixels) and not len(locate(surface, camera, known).pixels)


def test_only_what_no_camera_to_come_sees_is_forgotten():
    picture, depth = smooth_image(), np.full((HEIGHT, WIDTH), 5.0, np.float32)
    cache = SceneCache.from_view(picture, depth, np.eye(4), LENS)
    away = pose(rotvec=(0, np.radians(80), 0))
    cache.add_view(picture, depth, away, LENS, np.ones((HEIGHT, WIDTH), bool))
    lenses, back = np.tile(LENS, (3, 1)), pose(position=(0.5, 0, 0))
    seen = render(cache, back, LENS)
    cache.forget_unseen(np.stack([away, away, back]), lenses, (WIDTH, HEIGHT))
    assert len(cache.surfaces) == 2, "the camera comes back"
    cache.forget_unseen(np.stack([back, back, back]), lenses, (WIDTH, HEIGHT))
    assert len(cache.surfaces) == 1
    again = render(cache, back, LENS)
    assert (again.rgb == seen.rgb).all() and (again.hole == seen.hole).all()
    cache.forget_unseen(np.stack([pose(position=(40, 0, 0))] * 3), lenses, (WIDTH, HEIGHT))
    assert not cache.surfaces and render(cache, back, LENS).hole.all()


def test_what_a_camera_swings_round_too_fast_is_left_out_but_not_what_it_orbits():
    depth = np.full((HEIGHT, WIDTH), 4.0, np.float32)
    depth[24:40, 8:20] = 1.0  # near, and beside what the camera turns about
    cache = SceneCache.from_view(smooth_image(), depth, np.eye(4), LENS)
    for degrees, near_too in ((4, True), (25, False)):
        seen = warp(cache.surfaces[0], _orbit(np.radians(degrees), 4.0, zoom=0.3))
        assert bool((seen.disparity > 0.5).any()) == near_too
        assert (seen.disparity < 0.5).sum() > 0.05 * WIDTH * HEIGHT


def test_a_subject_stays_however_far_a_camera_orbits_it():
    """The side that faces the camera of a slanted wall, seen from a right angle to the view's look at it."""
    x, _ = image_coordinates()
    depth = (4.0 / (1.0 - (x - LENS[2]) / LENS[0])).astype(np.float32)  # through (0, 0, 4), at 45 degrees
    cache = SceneCache.from_view(smooth_image(), depth, np.eye(4), LENS)
    turned = [bool(len(warp(cache.surfaces[0], _orbit(np.radians(d), 4.0)).pixels)) for d in (80, -80)]
    assert sorted(turned) == [False, True]  # its back is no surface


def _orbit(angle: float, radius: float, zoom: float = 1.0) -> Camera:
    """A camera that has gone round what lies `radius` ahead by an angle."""
    c2w = pose((0, angle, 0), (-radius * np.sin(angle), 0, radius - radius * np.cos(angle)))
    return Camera(c2w, LENS * [zoom, zoom, 1, 1], WIDTH, HEIGHT)
