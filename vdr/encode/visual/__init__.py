"""Late-interaction page models of colpali-engine, and their ports in transformers, behind one wrapper.

    load -> families (which classes) -> encoder (pages and queries to vectors) -> places (where on the page)

(ColPali paper: arXiv:2407.01449.) It knows nothing of PDFs, of storage and of scoring.
"""

from __future__ import annotations

from vdr.encode.visual.encoder import VisualEncoder
from vdr.encode.visual.families import FAMILIES, Family
from vdr.encode.visual.loading import load
from vdr.encode.visual.places import grid_boxes

__all__ = ["FAMILIES", "Family", "VisualEncoder", "grid_boxes", "load"]
