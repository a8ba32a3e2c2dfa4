"""Reference pictures: where they come from, the subject in them, and the set as a surface with depth."""

from ..registration import register_modules_factory
from . import own_set, panel, references, set_proxy, subject

register, unregister = register_modules_factory(references, subject, set_proxy, own_set, panel)
