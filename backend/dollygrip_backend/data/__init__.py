"""The data engine: procedural scenes rendered by Blender, and what training reads."""
