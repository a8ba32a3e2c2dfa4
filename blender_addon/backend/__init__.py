"""The backend seen from Blender: it is found or started, and does one job at a time."""

from ..registration import register_modules_factory
from . import fetching, job, session, setting_up

register, unregister = register_modules_factory(session, job, fetching, setting_up)
