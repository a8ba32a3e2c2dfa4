"""What a USD or Alembic file says of its cameras beyond what Blender's importers hand on: their names, their time."""

import re
from collections.abc import Iterator, Sequence
from math import ceil, floor
from typing import Any

from dollygrip.errors import InputError
from dollygrip.formats.reading import natural

_MAYAS = ("persp", "top", "front", "side")  # which every scene of Maya has, and so every layout that it exported
_MOST_NAMED = 20


def names_in_file(imported: Sequence[str], there: set[str]) -> list[str]:
    """What imported objects are called in their file: Blender numbers those whose name was `there` before."""
    plain = [re.sub(r"\.\d{3,}$", "", name) for name in imported]
    return [short if short in there else name for short, name in zip(plain, imported, strict=True)]


def choose(names: Sequence[str], asked: str | None, file: str) -> tuple[int, list[str]]:
    """Which of a file's cameras is meant, and notes on it where that was not said.

    asked: its name, or its number from 1 in the order of names. Without it that is the only one, or the only one that
    is not Maya's own. Raises InputError, which lists them, where none or several could be meant.
    """
    if not names:
        raise InputError(f"{file} holds no camera.", "Export one, and not hidden.")
    order = sorted(range(len(names)), key=lambda index: natural(names[index]))
    listed = ", ".join(names[index] for index in order[:_MOST_NAMED]) + (" …" if len(names) > _MOST_NAMED else "")
    way_out = "Give one of these names, or its number in this order, under Camera in the file browser."
    if asked is not None:
        found = _asked_for(names, order, asked.strip())
        if found is None:
            raise InputError(f"{file} has no camera {asked!r}; its cameras are {listed}.", way_out)
        return found, []
    own = [index for index in order if names[index].lower() not in _MAYAS]
    if len(names) == 1:
        return 0, []
    if len(own) != 1:
        raise InputError(f"{file} holds {len(names)} cameras: {listed}.", way_out)
    others = ", ".join(names[index] for index in order if index != own[0])
    return own[0], [f"the file holds {len(names)} cameras: {names[own[0]]} was taken, not Maya's own {others}"]


def _asked_for(names: Sequence[str], order: list[int], asked: str) -> int | None:
    alike = [index for index in order if names[index].lower() == asked.lower()]
    same = [index for index in alike if names[index] == asked]
    if found := same or alike:
        return found[0]
    number = int(asked) if asked.isdecimal() and len(asked) < 10 else 0
    return order[number - 1] if 1 <= number <= len(order) else None


def usd_time(path: str) -> tuple[float, tuple[int, int] | None] | None:
    """Time codes a second of a USD file, 24 where it does not say, and from which to which its cameras move.

    The range is that of the file, and that of the keys of its cameras and of what bears them where it does not say;
    None where nothing tells. Blender takes a time code for a frame, whatever that is. None instead of both in a Blender
    that came without Pixar's library.
    """
    try:
        from pxr import Usd, UsdGeom  # part of Blender's Python
    except ImportError:
        return None
    stage = Usd.Stage.Open(path, Usd.Stage.LoadNone)
    if stage.HasAuthoredTimeCodeRange():
        times = [stage.GetStartTimeCode(), stage.GetEndTimeCode()]
    else:
        cameras = [prim for prim in stage.Traverse() if prim.IsA(UsdGeom.Camera)]
        bearing = {prim.GetPath(): prim for camera in cameras for prim in _with_parents(camera)}
        times = [
            t for prim in bearing.values() for attribute in prim.GetAttributes() for t in attribute.GetTimeSamples()
        ]
    return stage.GetTimeCodesPerSecond(), (floor(min(times)), ceil(max(times))) if times else None


def _with_parents(prim: Any) -> Iterator[Any]:
    while prim:
        yield prim
        prim = prim.GetParent()
