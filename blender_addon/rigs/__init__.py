"""How a take is built and what carries it: rigs, refitted keys, real supports, and what stands in the way."""

from ..registration import register_modules_factory
from . import collisions, physics, refit, rigs

register, unregister = register_modules_factory(rigs, refit, physics, collisions)
