"""Dollygrip's inference backend."""
