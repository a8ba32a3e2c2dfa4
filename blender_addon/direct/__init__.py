"""Stage 1, camera first: words, a part of a shot or a drawn path become takes."""

from ..registration import register_modules_factory
from . import ahead, operators

register, unregister = register_modules_factory(operators, ahead)
