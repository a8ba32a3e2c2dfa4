"""Outlines in a rendered frame against lines whose coverage is known in closed form."""

import numpy as np
import pytest
import torch

from dollygrip_backend.scene.antialias import antialiased
from dollygrip_backend.scene.mapping import Mapping

WIDTH, HEIGHT, FINE = 48, 36, 16
TRAVELLED = Mapping(np.eye(3).tolist(), [100.0, 0.0, 0.0])  # disparities 0.7 apart are 70 pixels apart in the picture
TURNED = Mapping([[1.0, 0.0, 5.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [0.0, 0.0, 0.0])


def half_plane(degrees: float, offset: float, fine: int = 1) -> np.ndarray:
    """Where the plane right of a line through the image is, at `fine` samples per pixel side."""
    y, x = (np.mgrid[0 : HEIGHT * fine, 0 : WIDTH * fine] + 0.5) / fine
    angle = np.radians(degrees)
    return (x - WIDTH / 2) * np.cos(angle) + (y - HEIGHT / 2) * np.sin(angle) > offset


def frame(near: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """rgb and disparity of a bright near thing before a dark far one."""
    near = torch.from_numpy(near)
    return torch.where(near, 220.0, 20.0)[..., None].repeat(1, 1, 3), torch.where(near, 1.0, 0.3)


@pytest.mark.parametrize(("degrees", "gain"), [(4, 3), (12, 3), (20, 3), (-15, 3), (75, 3), (190, 3), (40, 1.2)])
def test_a_line_gets_the_coverage_of_its_pixels(degrees, gain):
    """Within the frame: at its border a run's true length is not known."""
    errors = []
    for offset in (0.1, 0.4, 0.7):
        hard = frame(half_plane(degrees, offset))
        covered = half_plane(degrees, offset, FINE).reshape(HEIGHT, FINE, WIDTH, FINE).mean((1, 3))
        truth = torch.from_numpy(20 + 200 * covered)
        results = hard[0], antialiased(*hard, TRAVELLED)
        errors.append([float((rgb[8:-8, 8:-8, 0] - truth[8:-8, 8:-8]).square().mean()) ** 0.5 for rgb in results])
    before, after = np.mean(errors, 0)
    assert after * gain < before


def test_the_pictures_own_edges_stay_as_they_are():
    rgb, disparity = frame(half_plane(20, 0.3))
    assert torch.equal(antialiased(rgb, disparity, TURNED), rgb)


def test_corners_and_straight_edges_stay_as_they_are():
    box = np.zeros((HEIGHT, WIDTH), bool)
    box[10:25, 12:40] = True
    rgb, disparity = frame(box)
    assert torch.equal(antialiased(rgb, disparity, TRAVELLED), rgb)


def test_a_texture_without_a_depth_edge_stays_as_it_is():
    rgb, _ = frame(half_plane(20, 0.3))
    assert torch.equal(antialiased(rgb, torch.ones(HEIGHT, WIDTH), TRAVELLED), rgb)


@pytest.mark.parametrize("inside", [True, False])
def test_lone_pixels_become_as_what_surrounds_them(inside):
    speck = np.full((HEIGHT, WIDTH), inside)
    speck[10, 20] = speck[0, 5] = not inside
    smooth = antialiased(*frame(speck), TRAVELLED)
    assert (smooth == (220 if inside else 20)).all()


def test_upside_down_and_on_its_side_it_is_the_same():
    rgb, disparity = frame(half_plane(25, 0.2))
    smooth = antialiased(rgb, disparity, TRAVELLED)
    assert torch.allclose(antialiased(rgb.flip(0), disparity.flip(0), TRAVELLED).flip(0), smooth, atol=1e-3)
    sideways = Mapping(np.eye(3).tolist(), [0.0, 100.0, 0.0])
    turned = antialiased(rgb.transpose(0, 1).contiguous(), disparity.T.contiguous(), sideways).transpose(0, 1)
    assert torch.allclose(turned, smooth, atol=1e-3)
