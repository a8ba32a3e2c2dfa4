"""`dollygrip engines` and `dollygrip doctor`."""

import importlib.metadata
import sys
import tempfile
from pathlib import Path

import psutil
from rich.console import Console

import dollygrip
from dollygrip.client import Client
from dollygrip.connection import BackendError, read_connection
from dollygrip.errors import DollygripError
from dollygrip.state_folder import private_dir, state_dir
from dollygrip_backend.predictor.text import minilm_folder
from dollygrip_backend.server.capabilities import devices, engines

_WEIGHTS = Path(__file__).parents[1] / "weights"
_PREDICTOR = ("predictor/reader", "predictor/transformer", "predictor/grounding")
_NETWORKS = (*_PREDICTOR, "features", "faces", "depth", "embedded")
_PACKAGES = ("torch", "diffusers", "transformers", "numpy", "pyzmq", "av")


def print_engines() -> None:
    """Every engine with what it needs, the default first."""
    console = Console(highlight=False)
    for info in engines():
        state = "[green]runs here[/]" if info.available else f"[red]does not run here[/]: {info.reason}"
        download = f"{info.download_bytes / 1e9:.1f} GB to download" if info.download_bytes else "no download"
        console.print(f"[bold]{info.name}[/]  {info.title}")
        console.print(f"    {state}; {download}; {info.memory_bytes / 1e9:.1f} GB of memory; licence {info.licence}")
        console.print(
            f"    sides of {info.min_size} to {info.max_size} pixels in steps of {info.multiple}; "
            f"up to {info.max_frames} frames"
        )


def doctor() -> bool:
    """Print one line for each thing that must be in place; True where all are."""
    console, well = Console(highlight=False), True
    for title, check in (
        ("Dollygrip", lambda: f"{dollygrip.__version__}, Python {sys.version.split()[0]}"),
        ("Packages", _packages),
        ("Weights", _weights),
        ("Devices", lambda: ", ".join(devices())),
        ("Engines", _engines),
        ("State folder", _state),
        ("Backend", _backend),
    ):
        try:
            console.print(f"[green]✓[/] {title:14}{check()}")
        except DollygripError as error:
            well = False
            console.print(f"[red]✗[/] {title:14}{error}")
    return well


def _packages() -> str:
    missing, found = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    _must(not missing, f"{', '.join(missing)} not installed.", "Run `python build.py dev`.")
    return ", ".join(found)


def _weights() -> str:
    missing = [name for name in _NETWORKS if not list((_WEIGHTS / name).glob("*.safetensors"))]
    _must(not missing, f"Weights of {', '.join(missing)} are missing.", "Install Dollygrip again.")
    size = sum(file.stat().st_size for file in [*_WEIGHTS.rglob("*.safetensors"), *minilm_folder().iterdir()])
    return f"{', '.join(_NETWORKS)}, text encoder ({size / 1e6:.0f} MB)"


def _engines() -> str:
    available = [info.name for info in engines() if info.available]
    _must(available, "No video engine runs here.", "Run `dollygrip engines` for the reasons.")
    return ", ".join(available)


def _state() -> str:
    folder = state_dir()
    try:
        with tempfile.TemporaryFile(dir=private_dir(folder)):
            return str(folder)
    except OSError as error:
        raise DollygripError(f"{folder} cannot be written: {error.strerror}.", "Set DOLLYGRIP_HOME.") from error


def _backend() -> str:
    """Not running is well, even if it left its connection behind; running and not answering is not."""
    try:
        connection = read_connection()
    except BackendError as error:
        return f"{error.message} The extension starts one when it needs it."
    if connection.pid and not psutil.pid_exists(connection.pid):
        return f"The last backend (process {connection.pid}) broke off. The extension starts one when it needs it."
    with Client.connect(connection) as client:
        version = f"version {client.welcome.server_version}"
    if connection.remote:
        return f"{version}, remote backend at {connection.endpoint}"
    return f"{version} at {connection.endpoint}, process {connection.pid}"


def _must(condition: object, message: str, hint: str) -> None:
    if not condition:
        raise DollygripError(message, hint)
