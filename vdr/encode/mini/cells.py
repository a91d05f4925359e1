"""The grid that vdr-mini lays over a page. Numbers alone, so that reading a grid needs no torch."""

CELL = 8
"""Pixels a cell is wide and high."""
FRAMES = 4
"""Frames of a cell, side by side."""
FRAME = CELL // FRAMES
"""Pixels a frame is wide."""
MIDDLE = 0.3
"""How far above the baseline the middle of a line of print is, in em."""
