"""Takes: cameras as Actions, with what they were made from; camera files."""

from ..registration import register_modules_factory
from . import census, files

register, unregister = register_modules_factory(census, files)
