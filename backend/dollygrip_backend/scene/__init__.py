"""The scene behind a reference image: its depth, and the 3D cache that a camera is moved through."""
