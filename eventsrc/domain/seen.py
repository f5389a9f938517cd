"""What is seen around agents: calls of tools as their surroundings tell of them, and the machine that slept.

A call that is told of here has no place among the blocks of a message: who saw it start or end knows neither the
message nor what the model was told. It says *when*; transcripts and streams say *what*.
"""

from __future__ import annotations

from typing import TypeAlias

from eventsrc.domain.base import AgentFactBase


class ToolCallStarted(AgentFactBase, frozen=True, kw_only=True):
    """A tool is about to run, or to ask whether it may."""

    tool_use_id: str
    tool_name: str = ""
    tool_input: str = ""
    """JSON text."""
    agent_id: str | None = None
    """Sub-agent that calls."""


class ToolCallEnded(AgentFactBase, frozen=True, kw_only=True):
    """A tool has run, or will not."""

    tool_use_id: str
    outcome: str
    """`success`, `error`, `interrupted` or `denied`."""
    tool_name: str = ""
    duration_ms: float | None = None
    """Execution time, without what a person took to allow it."""
    error: str = ""


class MachineWoke(AgentFactBase, frozen=True, kw_only=True):
    """Wall time went on without this machine: it slept, or its clock was set. Belongs to no session."""

    seconds: float = 0.0
    """How much longer the wall clock ran than the machine; below 0 where it was set back."""


SeenFact: TypeAlias = ToolCallStarted | ToolCallEnded | MachineWoke
