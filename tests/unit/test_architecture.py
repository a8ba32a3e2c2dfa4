"""Imports run one way: blender_addon -> dollygrip <- dollygrip_backend; and nothing heavy reaches where it must not."""

import ast
import re
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "diffusers", "transformers", "accelerate", "ptwt"}
MAKING = ("data", "training", "evaluation")  # what makes and measures the models


def imported(folder: str, outside: str = "") -> dict[str, set[str]]:
    """Module names (full and top level) that each Python file below `folder` imports, anywhere in it."""
    found = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        if outside and outside in path.relative_to(ROOT).as_posix():
            continue
        names = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add(node.module)
        found[path.relative_to(ROOT).as_posix()] = names | {name.partition(".")[0] for name in names}
    assert found, f"no Python files below {folder}"
    return found


def offenders(files: dict[str, set[str]], forbidden: set[str]) -> dict[str, set[str]]:
    return {path: names & forbidden for path, names in files.items() if names & forbidden}


def test_shared_knows_neither_side():
    assert not offenders(imported("shared/dollygrip"), HEAVY | {"bpy", "mathutils", "dollygrip_backend"})


def test_the_extension_knows_only_shared():
    assert not offenders(imported("blender_addon"), HEAVY | {"dollygrip_backend"})


def extension_imports() -> dict[str, set[str]]:
    """The extension's modules, dotted and below its root, with those of it that each one imports."""
    root = ROOT / "blender_addon"
    places = {".".join(path.relative_to(root).with_suffix("").parts): path for path in root.rglob("*.py")}
    modules = {name: path for name, path in places.items() if not name.endswith("__init__")}
    found = {name: set() for name in modules}
    for name, path in modules.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = name.split(".")[: -node.level] + (node.module or "").split(".")
                above = ".".join(filter(None, base))
                named = {".".join(filter(None, (above, alias.name))) for alias in node.names}
                found[name] |= {above} if above in modules else named
    unknown = {target for targets in found.values() for target in targets} - modules.keys()
    assert not unknown, f"imports of no module: {unknown}"
    return found


def test_the_extension_s_rooms_import_each_other_in_one_direction():
    modules = extension_imports()
    rooms = {name.partition(".")[0]: set() for name in modules}
    for name, targets in modules.items():
        room = name.partition(".")[0]
        rooms[room] |= {target.partition(".")[0] for target in targets} - {room}
    assert len(rooms) > 9 and rooms["render"] and not rooms["registration"]
    TopologicalSorter(modules).prepare()  # raises CycleError, which names the modules that import each other
    TopologicalSorter(rooms).prepare()


def test_what_the_evaluation_s_extra_brings_is_imported_there_alone():
    offered = tomllib.loads((ROOT / "backend/pyproject.toml").read_text())["project"]["optional-dependencies"]
    extra = {wanted.partition("==")[0] for wanted in offered["evaluation"]}  # modules of these names
    found = offenders(imported("backend/dollygrip_backend"), extra)
    assert set(found) == {"backend/dollygrip_backend/video/recovery.py"}


def test_blender_enters_the_backend_only_in_the_scene_scripts():
    assert not offenders(imported("backend/dollygrip_backend", outside="data/blender/"), {"bpy", "mathutils"})


@pytest.mark.parametrize("library", ["predictor", "scene", "video"])
def test_the_libraries_know_nothing_of_jobs_sockets_or_blender(library):
    above = {f"dollygrip_backend.{part}" for part in ("cli", "server", "jobs", "workers", *MAKING)}
    forbidden = above | {"zmq", "dollygrip.protocol", "dollygrip.client", "dollygrip.connection"}
    files = imported(f"backend/dollygrip_backend/{library}")
    assert not {p: n for p, n in files.items() if any(name.startswith(tuple(forbidden)) for name in n)}


@pytest.mark.parametrize("part", ["server", "jobs", "workers"])
def test_what_serves_jobs_needs_neither_commands_nor_what_makes_and_measures_models(part):
    above = tuple(f"dollygrip_backend.{name}" for name in ("cli", *MAKING))
    files = imported(f"backend/dollygrip_backend/{part}")
    assert not {path: names for path, names in files.items() if any(name.startswith(above) for name in names)}


@pytest.mark.parametrize("part", ["server", "jobs"])
def test_the_server_process_has_no_torch(part):
    assert not offenders(imported(f"backend/dollygrip_backend/{part}"), HEAVY | {"dollygrip_backend.cli"})


def test_nothing_unpickles():
    unsafe = re.compile(r"^\s*(import|from) pickle\b|torch\.load\(|allow_pickle=True", re.M)
    sources = [p for part in ("shared", "backend", "blender_addon") for p in (ROOT / part).rglob("*.py")]
    assert not [str(path) for path in sources if unsafe.search(path.read_text())]
