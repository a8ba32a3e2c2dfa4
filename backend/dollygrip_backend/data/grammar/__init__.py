"""The camera-motion grammar: unlimited pairs of a prompt and the camera motion that it asks for."""

from dollygrip_backend.data.grammar.motion import CHANNELS, SAMPLES, Context, Move, Phase, Plan, plan_channels
from dollygrip_backend.data.grammar.prompts import MOVES, Pair, sample_pair

__all__ = ["CHANNELS", "MOVES", "SAMPLES", "Context", "Move", "Pair", "Phase", "Plan", "plan_channels", "sample_pair"]
