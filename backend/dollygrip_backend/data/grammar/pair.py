"""What the grammar makes."""

import attrs

from dollygrip_backend.predictor.plan import Plan


@attrs.frozen
class Pair:
    """A prompt and what it asks for."""

    prompt: str
    plan: Plan
