"""Disturbances that make rendered pictures as various as photographs and illustrations. All on numpy arrays."""

import io

import numpy as np
from PIL import Image, ImageFilter


def mirrored_crop(
    rgb: np.ndarray, depth: np.ndarray, size: tuple[int, int], smallest: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, float]:
    """A random window of the aspect of `size` (w, h), resized to it, mirrored half of the time.

    rgb uint8 (H, W, 3), depth (H, W) -> the same at `size`, and the factor by which fx / width grows. `smallest` is
    the least side of the window, relative to the largest that fits. Depth is sampled, not blended, over its edges.
    """
    height, width = depth.shape
    largest = min(width / size[0], height / size[1])
    scale = largest * random.uniform(smallest, 1)
    w, h = size[0] * scale, size[1] * scale
    # Mostly near the middle: a lens's axis is near the middle of a picture.
    left, top = (max(0.0, free) * random.beta(3, 3) for free in (width - w, height - h))
    picture = Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC, box=(left, top, left + w, top + h))
    columns = np.clip(left + (np.arange(size[0]) + 0.5) * scale, 0, width - 1).astype(int)
    rows = np.clip(top + (np.arange(size[1]) + 0.5) * scale, 0, height - 1).astype(int)
    pixels, sampled = np.asarray(picture), depth[rows][:, columns].astype(np.float32)
    if random.random() < 0.5:
        pixels, sampled = pixels[:, ::-1], sampled[:, ::-1]
    return np.ascontiguousarray(pixels), np.ascontiguousarray(sampled), width / w


def disturb(rgb: np.ndarray, random: np.random.Generator, hues: bool = True) -> np.ndarray:
    """uint8 (H, W, 3) -> float32 (H, W, 3) in 0..1 with other contrast, sharpness, noise or style, and other colours
    unless `hues` is false: what is called red stays red."""
    if random.random() < 0.35:
        rgb = _degraded(rgb, random)
    x = rgb.astype(np.float32) / 255
    if hues and random.random() < 0.7:
        x = _recoloured(x, random)
    x = np.clip(x, 0, 1) ** np.exp(random.normal() * 0.3)
    x = (x - 0.5) * random.uniform(0.6, 1.3) + 0.5 + random.normal() * 0.06
    if random.random() < 0.4:
        x = x + random.normal(size=x.shape) * random.uniform(0.005, 0.06)
    if random.random() < 0.12:  # posterised, as cel-shaded drawings are
        levels = random.integers(3, 8)
        x = np.round(x * levels) / levels
    if random.random() < 0.3:  # light falls off towards a side or a corner
        y, across = np.mgrid[-1 : 1 : x.shape[0] * 1j, -1 : 1 : x.shape[1] * 1j]
        x = x * (1 + random.uniform(-0.35, 0.35) * y + random.uniform(-0.35, 0.35) * across)[..., None]
    return np.clip(x, 0, 1).astype(np.float32)


def _degraded(rgb: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Blurred, sharpened, median-filtered (a painting's patches) or JPEG-compressed."""
    picture, kind = Image.fromarray(rgb), random.integers(4)
    if kind == 0:
        return np.asarray(picture.filter(ImageFilter.GaussianBlur(random.uniform(0.4, 1.3))))
    if kind == 1:
        return np.asarray(picture.filter(ImageFilter.UnsharpMask(1.5, int(random.integers(50, 200)), 0)))
    if kind == 2:
        return np.asarray(picture.filter(ImageFilter.MedianFilter(3)))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=int(random.integers(15, 70)))
    return np.asarray(Image.open(buffer))


def _recoloured(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Channels mixed, swapped, washed out to grey or tinted."""
    grey = x @ np.array([0.3, 0.59, 0.11], np.float32)
    saturation = random.choice([0.0, random.uniform(0.2, 1.6)], p=[0.15, 0.85])
    x = grey[..., None] + saturation * (x - grey[..., None])
    if random.random() < 0.4:
        x = x[..., random.permutation(3)]
    return x * random.uniform(0.8, 1.2, 3)
