"""People as a child would draw them, whose faces the face detector knows for such."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SKIN, HAIR = (224, 172, 140), (60, 40, 30)


class DrawnPerson:
    """A head, a neck and shoulders; `height` is the face's in pixels, from the hair to the chin, and `middle` its."""

    def __init__(self, middle: tuple[int, int], height: int, dress: tuple[int, int, int] = (60, 80, 140)):
        self.middle, self.height, self.dress = middle, height, dress

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A place in the picture, from the face's middle in units of its height."""
        return self.middle[0] + x * self.height, self.middle[1] + y * self.height

    @property
    def points(self) -> np.ndarray:
        """(5, 2) pixels: the eyes, the tip of the nose, the corners of the mouth."""
        return np.array(
            [self.at(*place) for place in ((-0.17, -0.06), (0.17, -0.06), (0, 0.14), (-0.13, 0.29), (0.13, 0.29))]
        )

    def draw(self, on: ImageDraw.ImageDraw) -> None:
        def oval(x: float, y: float, width: float, height: float, colour: tuple) -> None:
            on.ellipse([*self.at(x - width / 2, y - height / 2), *self.at(x + width / 2, y + height / 2)], fill=colour)

        def line(x0: float, y0: float, x1: float, y1: float, width: float, colour: tuple) -> None:
            on.line([*self.at(x0, y0), *self.at(x1, y1)], colour, max(1, int(width * self.height)))

        shade = tuple(int(c * 0.85) for c in SKIN)
        oval(0, 2.6, 1.5, 4.0, self.dress)
        line(0, 0.3, 0, 0.8, 0.32, shade)
        oval(0, -0.08, 0.92, 1.12, HAIR)
        oval(0, 0.05, 0.74, 0.98, SKIN)
        for side in (-1, 1):
            oval(side * 0.17, -0.06, 0.15, 0.075, (250, 250, 250))
            oval(side * 0.17, -0.06, 0.07, 0.075, (50, 35, 30))
            line(side * 0.09, -0.15, side * 0.25, -0.15, 0.035, HAIR)
        oval(0, 0.1, 0.1, 0.16, shade)
        oval(0, 0.29, 0.26, 0.07, (170, 80, 80))
        line(-0.13, 0.29, 0.13, 0.29, 0.02, (110, 40, 40))


def picture_of(*people: DrawnPerson, size: tuple[int, int] = (480, 320)) -> np.ndarray:
    """uint8 (H, W, 3) of people before a plain wall; size: (width, height)."""
    image = Image.new("RGB", size, (120, 140, 120))
    for person in people:
        person.draw(ImageDraw.Draw(image))
    return np.array(image.filter(ImageFilter.GaussianBlur(1)))
