"""NumPy files that others may have written or damaged."""

import tokenize
import zipfile
from pathlib import Path

import numpy as np


def load_array(path: Path) -> np.ndarray:
    """The array of a .npy file; raises ValueError where it is none or damaged, OSError where it cannot be read."""
    try:
        array = np.load(path, allow_pickle=False)
    except (EOFError, MemoryError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile) as error:  # by a broken header
        raise ValueError(f"it is no array: {error}") from error
    if not isinstance(array, np.ndarray):
        raise ValueError("it holds several arrays")
    return array
