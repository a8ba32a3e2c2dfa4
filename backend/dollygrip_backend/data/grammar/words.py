"""The grammar's words, read from the TOML files beside this module; their comments say what the entries mean."""

import tomllib
from pathlib import Path
from typing import Any

from dollygrip_backend.predictor.plan import EITHER

_FOLDER = Path(__file__).parent


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


MOVES, WORLD, FRAMES = _read("moves"), _read("world"), _read("frames")


def entries(family: str, way: str) -> tuple[list[str], list[str]]:
    """(verbs, nouns) of the move `family`_`way`: those of the family and those of this way alone.

    Those of an open way (EITHER) say none.
    """
    tables = [table for table in (way != EITHER and MOVES[family], MOVES[family].get(way)) if table]
    return [v for t in tables for v in t.get("verbs", [])], [n for t in tables for n in t.get("nouns", [])]
