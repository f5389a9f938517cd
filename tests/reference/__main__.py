"""Writes every page."""

from __future__ import annotations

from tests.reference import PAGES, ROOT

for name, page in PAGES.items():
    (ROOT / name).write_text(page(), "utf-8")
