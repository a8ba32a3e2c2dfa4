"""The page of `evaluation.video`: its lines, and pictures of what was filled."""

import html
from pathlib import Path

import attrs
import numpy as np
from PIL import Image

from dollygrip_backend.evaluation.steadiness import Steadiness

SCALE = 2  # of the pictures on the page, whose frames are small


@attrs.frozen(eq=False)
class Example:
    """A view of one scene: pictures uint8 (h, w, 3) by name, and the PSNR in the holes of those that were filled."""

    name: str
    pictures: dict[str, np.ndarray]
    figures: dict[str, float]


def page(lines: list[str], examples: list[Example], moves: Steadiness, out: Path) -> str:
    """The page; its pictures are written into the folder `out`."""
    rows = "".join(_row(f"{e.name}", e.pictures, e.figures, out) for e in examples)
    pans = "".join(_row(f"{name}-pan", pictures, {}, out) for name, pictures in moves.pictures.items())
    style = "body{font:14px sans-serif}figure{display:inline-block;margin:4px}figcaption{color:#555}"
    return (
        f"<!doctype html><meta charset=utf-8><title>Embedded video engine</title><style>{style}</style>"
        f"<h1>Embedded video engine</h1><pre>{html.escape(chr(10).join(lines))}</pre>"
        "<h2>Holes</h2><p>Of each scene the view with the largest hole (magenta: what the reference does not show); "
        f"PSNR in it.{rows}<h2>Pan right and back</h2><p>Frames of the first and of the second visit.{pans}"
    )


def _row(name: str, pictures: dict[str, np.ndarray], figures: dict[str, float], out: Path) -> str:
    cells = []
    for number, (title, picture) in enumerate(pictures.items()):
        file = f"{name}_{number}.png"
        height, width = picture.shape[:2]
        Image.fromarray(picture).save(out / file)
        caption = html.escape(title) + (f" {figures[title]:.2f} dB" if title in figures else "")
        source = html.escape(file, quote=True)
        cells.append(
            f"<figure><img src='{source}' width={SCALE * width} height={SCALE * height} alt='{html.escape(title)}'>"
            f"<figcaption>{caption}</figcaption></figure>"
        )
    return f"<h3>{html.escape(name)}</h3>" + "".join(cells)
