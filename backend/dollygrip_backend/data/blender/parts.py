"""Parts of the things in catalogue.py: (shape, centre, size) or (shape, centre, size, (tilt about x, about y))."""

from math import pi

Part = tuple
UPRIGHT, ALONG_X, ALONG_Y = (0.0, 0.0), (0.0, pi / 2), (pi / 2, 0.0)  # where a cylinder's axis points


def both(shape: str, centre: tuple, size: tuple | float, tilt: tuple[float, float] = UPRIGHT) -> list[Part]:
    """The part and its mirror image in x."""
    (x, y, z), (about_x, about_y) = centre, tilt
    return [(shape, (x, y, z), size, tilt), (shape, (-x, y, z), size, (about_x, -about_y))]


def legs(x: float, y: float, thick: float, high: float) -> list[Part]:
    """Four, at these distances from the middle."""
    size = (thick, thick, high)
    return both("cylinder", (x, y, high / 2), size) + both("cylinder", (x, -y, high / 2), size)


def wheels(x: float, places: tuple[float, ...], size: float) -> list[Part]:
    """Wheels on axles along x at these places along y."""
    wheel = (size, size, 0.25 * size)
    return [part for y in places for part in both("cylinder", (x, y, size / 2), wheel, ALONG_X)]


def beast(leg: float, body: tuple[float, float, float], thick: float) -> list[Part]:
    """Legs and trunk of an animal that looks along -y. body: width, length, height."""
    width, length, height = body
    return [
        ("sphere", (0, 0, leg + 0.45 * height), body),
        *legs(0.3 * width, 0.32 * length, thick, leg + 0.3 * height),
    ]
