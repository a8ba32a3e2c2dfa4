"""The demo's contact sheet: the reference, the camera's path and frames of the shot.

python examples/overview.py OUT     reads reference.png, take.camera.json and shot/ in OUT, writes OUT/overview.png
"""

import io
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from dollygrip import formats
from dollygrip_backend.cli.plot import draw

WIDTH, GAP, BAR = 1600, 16, 34
PAPER, INK = "#fbfaf7", "#22252b"
FRAMES = 8


def main(out: Path) -> None:
    trajectory = formats.read(out / "take.camera.json")
    reference = Image.open(out / "reference.png").convert("RGB")
    files = sorted((out / "shot").glob("frame_*.png"))
    chosen = [round(i * (len(files) - 1) / (FRAMES - 1)) for i in range(FRAMES)]
    frames = [(f"frame {i + 1} of {len(files)}", Image.open(files[i]).convert("RGB")) for i in chosen]

    plot = fitted(plotted(trajectory), (WIDTH - 3 * GAP) * 5 // 8)
    left = fitted(reference, WIDTH - 3 * GAP - plot.width)
    cell = (WIDTH - 5 * GAP) // 4
    rows = [fitted(image, cell) for _, image in frames]
    top = max(plot.height, left.height + BAR) + 2 * GAP
    sheet = Image.new("RGB", (WIDTH, top + 2 * (rows[0].height + BAR) + GAP), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    sheet.paste(left, (GAP, GAP + BAR))
    pen.text((GAP, GAP), "The reference picture", INK, font)
    prompt = trajectory.meta.get("prompt", "")
    pen.multiline_text((GAP, GAP + BAR + left.height + 12), wrapped(f"“{prompt}”", font, left.width), INK, font)
    sheet.paste(plot, (2 * GAP + left.width, GAP))
    for number, ((label, _), image) in enumerate(zip(frames, rows, strict=True)):
        x, y = GAP + (number % 4) * (cell + GAP), top + (number // 4) * (image.height + BAR)
        pen.text((x, y), label, INK, font)
        sheet.paste(image, (x, y + BAR - 6))
    sheet.save(out / "overview.png", optimize=True)


def plotted(trajectory) -> Image.Image:
    buffer = io.BytesIO()
    draw(trajectory).savefig(buffer, dpi=140, format="png")
    return Image.open(buffer).convert("RGB")


def fitted(image: Image.Image, width: int) -> Image.Image:
    return image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)


def wrapped(text: str, font, width: int) -> str:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Name the demo's folder: python examples/overview.py OUT")
    main(Path(sys.argv[1]).resolve())
