"""Which read models a service keeps."""

from __future__ import annotations

import pytest

from eventsrc.config import ProjectionSettings
from eventsrc.errors import UnknownProjection
from eventsrc.service.models import chosen, installed


def names(**settings: tuple[str, ...]) -> set[str]:
    wanted = ProjectionSettings(**settings)
    return {one.name for one in chosen(installed(wanted), wanted.only)}


def test_a_read_model_can_be_switched_off() -> None:
    assert {"agents", "deltas"} <= names()
    assert names(without=("deltas",)) == names() - {"deltas"}
    assert names(only=("agents",)) == {"agents"}


def test_a_name_that_is_none_is_told() -> None:
    with pytest.raises(UnknownProjection, match="no read model named detlas"):
        installed(ProjectionSettings(without=("detlas",)))
