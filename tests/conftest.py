"""Every suite: property tests have a fixed seed and no deadline, so that a busy machine changes no verdict."""

from hypothesis import settings

settings.register_profile("dollygrip", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("dollygrip")
