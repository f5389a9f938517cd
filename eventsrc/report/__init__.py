"""ANSWERS → PAGES: what the read models say about a stretch of time, as JSON, Markdown and HTML; historical records.

Named questions are asked through a function that is handed in; their answers become one value (`Report`), and
everything that is shown is made from that value alone, so that the three forms cannot disagree.

*Must never know*: files, sockets, SQL, which package a read model comes from, what time it is.

*What survives a crash here*: nothing, because nothing is kept. A report that is written to a folder is whole or not
there at all (whoever writes it renames it into place), and the next one is made from the same rows again.
"""

from eventsrc.report.gather import Ask, Span, gather
from eventsrc.report.history import historical
from eventsrc.report.html import to_html
from eventsrc.report.markdown import to_markdown
from eventsrc.report.records import RULES, record_of
from eventsrc.report.score import Component, Score, score_of
from eventsrc.report.values import Report

__all__ = [
    "RULES",
    "Ask",
    "Component",
    "Report",
    "Score",
    "Span",
    "gather",
    "historical",
    "record_of",
    "score_of",
    "to_html",
    "to_markdown",
]
