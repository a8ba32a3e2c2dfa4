"""Shots and their takes on the timeline, their strips in the sequencer, and the files beside the .blend."""

from ..registration import register_modules_factory
from . import appended, operators, panel, saving, strips

register, unregister = register_modules_factory(saving, appended, strips, operators, panel)
