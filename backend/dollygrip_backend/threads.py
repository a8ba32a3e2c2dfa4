"""How PyTorch's threads wait for one another: asleep, for Blender and everything else needs the cores, too."""

import os


def wait_asleep() -> None:
    """To be called before torch is loaded. By default OpenMP's threads spin while they wait, which gains little where
    they have the cores to themselves; where something else runs on one of them, a job takes several times as long."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
