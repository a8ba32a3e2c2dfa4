"""How often Python looks for garbage: by default so often that a tenth of a cold start goes by with it."""

import atexit
import gc


def collect_seldom() -> None:
    """Look after 50,000 new objects, not 700: libraries that load make half a million that stay, and every look goes
    through them. Nor is there a last look as the process ends, when all its memory goes back anyway."""
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
