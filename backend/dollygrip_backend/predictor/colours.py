"""The words that people use for colours, by where these lie in CIE Lab."""

import numpy as np

# Colours by sRGB, in the words that people use; words in one line mean the same.
SHADES: dict[tuple[str, ...], tuple[int, int, int]] = {
    ("red", "scarlet", "crimson"): (200, 30, 35),
    ("dark red", "maroon", "burgundy"): (110, 22, 32),
    ("orange",): (235, 130, 35),
    ("peach",): (248, 196, 160),
    ("salmon", "coral"): (238, 128, 112),
    ("brown",): (120, 76, 46),
    ("dark brown",): (68, 44, 28),
    ("tan", "light brown"): (192, 152, 112),
    ("beige",): (222, 202, 168),
    ("cream", "ivory", "cream coloured"): (245, 236, 208),
    ("yellow",): (242, 216, 45),
    ("gold", "mustard", "golden"): (204, 162, 48),
    ("lime", "lime green", "yellow-green"): (162, 220, 45),
    ("olive", "olive green"): (112, 114, 44),
    ("green",): (50, 150, 62),
    ("dark green",): (22, 76, 36),
    ("light green", "pale green", "mint"): (156, 224, 150),
    ("turquoise", "aqua"): (64, 204, 190),
    ("cyan",): (48, 218, 232),
    ("teal", "blue-green", "dark turquoise"): (14, 124, 124),
    ("blue",): (42, 92, 204),
    ("light blue", "sky blue", "pale blue"): (150, 196, 240),
    ("navy", "dark blue", "navy blue"): (22, 32, 92),
    ("grey-blue", "slate blue"): (104, 126, 156),
    ("purple", "violet"): (124, 58, 176),
    ("lilac", "lavender", "pale purple"): (200, 168, 222),
    ("pink",): (242, 142, 184),
    ("magenta", "hot pink", "fuchsia"): (212, 36, 152),
    ("pale pink", "light pink"): (246, 204, 214),
    ("black",): (18, 18, 20),
    ("dark grey", "charcoal"): (66, 66, 68),
    ("grey", "gray"): (130, 130, 130),
    ("light grey", "silver", "pale grey"): (204, 204, 204),
    ("white",): (244, 244, 242),
}

_XYZ_OF_RGB = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(srgb: np.ndarray) -> np.ndarray:
    """sRGB (N, 3) in 0..1 -> CIE Lab (N, 3) under D65 (CIE 15:2004, 8.2.1)."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _XYZ_OF_RGB.T / _XYZ_OF_RGB.sum(1)  # white is (1, 1, 1)
    x, y, z = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


CENTRES = lab(np.array(list(SHADES.values())) / 255)  # in the order of SHADES
