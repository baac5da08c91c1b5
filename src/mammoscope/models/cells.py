"""Sides of a map's cells in pixels of the network's input, whatever the architecture."""

CELL = 32
"""Of the lesion map that the last features give."""
FINE_CELL = 16
"""Of the finer maps of malignant places and findings."""
