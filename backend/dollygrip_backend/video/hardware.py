"""The CUDA cards that torch can use, found in a process of its own: asking costs this one no torch."""

import functools
import json
import shutil
import subprocess
import sys

import attrs

_PROBE = """
import json, torch
cards = range(torch.cuda.device_count()) if torch.cuda.is_available() else []
print(json.dumps([[torch.cuda.get_device_name(i), torch.cuda.get_device_properties(i).total_memory] for i in cards]))
"""


@attrs.frozen
class Card:
    """A CUDA card: its name and its memory in bytes."""

    name: str
    memory: int


@functools.cache
def cards() -> tuple[Card, ...]:
    """Every CUDA card, in torch's order; found once."""
    if shutil.which("nvidia-smi") is None:
        return ()
    try:
        probe = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:  # a driver that hangs is a card that cannot be used
        return ()
    found = json.loads(probe.stdout) if probe.returncode == 0 else []
    return tuple(Card(name, memory) for name, memory in found)
