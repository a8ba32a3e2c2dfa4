"""Blender's camera in numbers: to and from a trajectory, its pose channels, the parts of its curves."""
