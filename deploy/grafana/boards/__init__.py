"""The boards, each a tuple of panels: what is shown and how it is asked. `kit` makes Grafana's objects of them."""

from __future__ import annotations

from boards import agents, experiments, log, pipeline
from boards.kit import Board

BOARDS: tuple[Board, ...] = (agents.BOARD, pipeline.BOARD, log.BOARD, experiments.BOARD)
