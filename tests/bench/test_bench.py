"""The benchmarks do what they say, on a size at which that takes seconds. Nothing is asserted about time."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.bench.__main__ import MEASURES, main
from tests.bench.material import Material
from tests.bench.sizes import TINY, sized
from tests.bench.table import Row, number, table

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("name", list(MEASURES))
@pytest.mark.timeout(600)
def test_a_measurement_does_its_work_and_says_what_it_is_compared_with(
    name: str, benchmark: BenchmarkFixture, tmp_path: Path
) -> None:
    material = Material(tmp_path, sized(TINY))
    rows: list[Row] = benchmark.pedantic(MEASURES[name], args=(material,), rounds=1)  # type: ignore[no-untyped-call]
    assert rows and all(row.what for row in rows)
    assert any(row.limit > 0 for row in rows), "a number without a limit beside it says little"
    benchmark.extra_info.update({row.what: row.measured for row in rows})
    assert table(rows).count("\n") == len(rows) + 1


def test_sizes_come_from_the_environment() -> None:
    assert sized(TINY, {"EVENTSRC_BENCH_LINES": "7", "EVENTSRC_BENCH_IDLE_SECONDS": "0.25"}).lines == 7
    assert sized(TINY, {}) == TINY


def test_a_measurement_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--tiny", "nonsense"])
    assert "nonsense" in capsys.readouterr().err


def test_numbers_are_short() -> None:
    assert [number(value) for value in (0.1234, 12.5, 1234, 123_456, 1_234_567)] == [
        *("0.123", "12.5", "1,234", "123 k", "1.23 M"),
    ]
