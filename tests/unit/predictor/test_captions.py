"""Cached captions: read again as they were written, and never after what made them has changed."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dollygrip_backend
from dollygrip_backend.data import captions
from dollygrip_backend.data.captions import load_bank
from dollygrip_backend.data.grammar import Pair
from dollygrip_backend.predictor.plan import read_plan
from dollygrip_backend.predictor.quantities import UNITS

PAIRS = [Pair("truck left 3 feet", read_plan("truck_left:3ft")), Pair("pan right", read_plan("pan_right"))]
READ = """
import sys
from pathlib import Path
from dollygrip_backend.data.captions import load_bank
from dollygrip_backend.data.grammar import Pair
from dollygrip_backend.predictor.plan import read_plan

bank = load_bank([Pair("truck left 3 feet", read_plan("truck_left:3ft"))], Path(sys.argv[1]))
print("feet", bank.tokens["numbers"][2])
"""


class NeverEncodes:
    def encode(self, prompts):
        raise AssertionError("encoded again")


def test_captions_are_encoded_once(encoder, tmp_path):
    first, again = load_bank(PAIRS, tmp_path, encoder), load_bank(PAIRS, tmp_path, NeverEncodes())
    assert [UNITS[unit] for unit in first.tokens["units"]] == ["none", "none", "metres", "none", "none", "none"]
    for kind in ("tokens", "programs"):
        for key, value in getattr(first, kind).items():
            np.testing.assert_array_equal(getattr(again, kind)[key], value)


@pytest.mark.parametrize("file", ["numbers.py", "unchanged"])
def test_a_changed_rule_reads_the_words_again(encoder, tmp_path, file):
    cache, source = tmp_path / "captions", Path(dollygrip_backend.__file__).parent
    load_bank(PAIRS[:1], cache, encoder)
    copy = shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("weights", "__pycache__"))
    if file == "numbers.py":
        rules = copy / "predictor" / file
        rules.write_text(re.sub(r'"f": 0\.3048', '"f": 0.3333', rules.read_text()))
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", READ, str(cache)], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    changed = file != "unchanged"
    assert float(done.stdout.split("feet")[1]) == pytest.approx(1.0 if changed else 0.9144, abs=1e-3)
    assert len(list(cache.glob("*.npz"))) == 1 + changed


def test_marks_become_the_tokens_that_name_a_thing(encoder, tmp_path):
    prompts = ["creep up on {the fox}", "pan right", "into the valley⟨⟩", "read ⟨the label⟩" + " again" * 96]
    told = load_bank([Pair(prompt, read_plan("dolly_in")) for prompt in prompts], tmp_path, encoder)
    text, program = told.batch(np.arange(len(prompts)))
    naming = program.naming(text.mask.shape[1])
    assert naming.nonzero().tolist() == [[0, 4], [0, 5], [1, 0], [3, 2], [3, 3]]


def test_the_code_that_captions_depend_on_is_complete():
    """What the predictor's files among it import of the predictor is among it, too."""
    known = {file.stem for file in captions._CODE}
    for file in captions._CODE[1:]:
        modules = {node.module for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)}
        own = {name.rpartition(".")[2] for name in modules if name.startswith("dollygrip_backend")}
        assert own <= known, file.name
