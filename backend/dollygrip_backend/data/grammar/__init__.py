"""The camera-motion grammar: unlimited pairs of a prompt and the shot plan that it asks for."""

from dollygrip_backend.data.grammar.pair import Pair, bare
from dollygrip_backend.data.grammar.prompts import MOVES
from dollygrip_backend.data.grammar.sampling import sample_pair

__all__ = ["MOVES", "Pair", "bare", "sample_pair"]
