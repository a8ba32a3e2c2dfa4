"""From Cycles' raw passes to a picture: denoising, exposure, the sRGB curve."""

import numpy as np

_RADIUS = 2


def denoise(rgb: np.ndarray, albedo: np.ndarray, normal: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Smooths the light, not the textures: linear rgb (H, W, 3) of few samples -> the same, calmer.

    The light falling on a surface (rgb / albedo) is averaged over the 5 x 5 neighbours that lie on the same surface
    by normal and depth, then multiplied by the albedo again (a joint bilateral filter on demodulated irradiance, as in
    real-time path tracing). The sky and lamps have no albedo; they and the pixels they bleed into stay as they are.
    """
    surface = _eroded(np.isfinite(depth) & (albedo.max(-1) > 1e-3))
    base = np.where(surface[..., None], albedo + 0.02, 1.0).astype(np.float32)
    light = rgb.astype(np.float32) / base
    ceiling = np.quantile(light[surface], 0.995) if surface.any() else 1.0
    clipped = np.where(surface[..., None], np.minimum(light, max(ceiling, 1e-3)), light)  # fireflies
    near = np.where(surface, depth, 1.0).astype(np.float32)
    total, weight = np.zeros_like(light), np.zeros(depth.shape, np.float32)
    # A slanted plane's depth changes evenly, so the tolerance grows with the local slope.
    slope = np.hypot(*np.gradient(near)) + 0.01 * near
    for dy in range(-_RADIUS, _RADIUS + 1):
        for dx in range(-_RADIUS, _RADIUS + 1):
            there = (_shifted(a, dy, dx) for a in (clipped, normal, near, surface))
            other_light, other_normal, other_depth, other_surface = there
            same = np.clip(np.sum(normal * other_normal, -1), 0, 1) ** 16
            same *= np.exp(-np.abs(other_depth - near) / (2 * slope))
            same *= other_surface & surface
            total += other_light * same[..., None]
            weight += same
    return (
        np.where(surface[..., None] & (weight[..., None] > 0), total / np.maximum(weight, 1e-6)[..., None], light)
        * base
    )


def exposure_for(rgb: np.ndarray, bright: float) -> float:
    """The factor that brings the mean log luminance of linear `rgb` to `bright` (0.18 is a photographer's grey)."""
    luminance = rgb @ np.array([0.2126, 0.7152, 0.0722])
    return float(bright / np.exp(np.mean(np.log(np.maximum(luminance, 1e-3)))))


def picture(rgb: np.ndarray, exposure: float) -> np.ndarray:
    """Linear (H, W, 3) -> sRGB uint8, highlights rolled off by a filmic curve (Narkowicz's fit of ACES)."""
    x = np.maximum(rgb * exposure, 0) * 0.8
    mapped = np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0, 1)
    encoded = np.where(mapped <= 0.0031308, 12.92 * mapped, 1.055 * mapped ** (1 / 2.4) - 0.055)
    return np.round(encoded * 255).astype(np.uint8)


def _eroded(mask: np.ndarray) -> np.ndarray:
    """True where all 3 x 3 neighbours are."""
    return np.all([_shifted(mask, dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)], axis=0)


def _shifted(a: np.ndarray, dy: int, dx: int) -> np.ndarray:
    """`a` moved by (dy, dx), its border repeated."""
    rows = np.clip(np.arange(a.shape[0]) + dy, 0, a.shape[0] - 1)
    columns = np.clip(np.arange(a.shape[1]) + dx, 0, a.shape[1] - 1)
    return a[rows][:, columns]
