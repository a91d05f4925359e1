"""Judged queries and rankings to figures. Knows no corpus: a search is any function from a query to hits.

a folder -> sets (beir, trec, huggingface) -> a judged set
a judged set and searches -> ranking -> runs, measures -> comparison, slices -> report
"""

from vdr.evaluate.judged import JudgedQuery, JudgedSet
from vdr.evaluate.measures import MEASURES, Figures, figures
from vdr.evaluate.ranking import DEPTH, rank_units, run, strictly_falling
from vdr.evaluate.runs import read_run, trec_lines, without_gaps
from vdr.evaluate.sets import load_set

__all__ = [
    "DEPTH",
    "MEASURES",
    "Figures",
    "JudgedQuery",
    "JudgedSet",
    "figures",
    "load_set",
    "rank_units",
    "read_run",
    "run",
    "strictly_falling",
    "trec_lines",
    "without_gaps",
]
