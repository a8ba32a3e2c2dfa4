"""Stage 2, generation second: a shot becomes a strip of frames."""

from ..registration import register_modules_factory
from . import measure, operators, panel, render

register, unregister = register_modules_factory(render, operators, measure, panel)
