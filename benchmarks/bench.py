"""What a cold run of `refine check` costs, for one worker and for two.

Each run is a process of its own with an empty cache.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tabulate import tabulate

ROOT = Path(__file__).resolve().parent.parent

EXAMPLES = """\
examples:
  python benchmarks/bench.py
  python benchmarks/bench.py --jobs 2 --only 'sel4/endpoint/*' --worst 10
  python benchmarks/bench.py --json measured.json
"""

FIGURES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "workers": lambda report: report["summary"]["jobs"],
    "obligations": lambda report: report["summary"]["total"],
    "proved": lambda report: report["summary"]["proved"],
    "paths": lambda report: sum(task["paths"] for task in report["tasks"]),
    "queries": lambda report: sum(task["queries"] for task in report["tasks"]),
    "solver seconds": lambda report: sum(task["solver"] for task in report["tasks"]),
    "task seconds": lambda report: sum(task["seconds"] for task in report["tasks"]),
    "total seconds": lambda report: report["summary"]["seconds"],
    "peak memory of each worker, MiB": lambda report: _numbers(report["summary"]["peak_memory_mib_by_worker"]),
    "median operation, seconds": lambda report: statistics.median(by_operation(report).values()),
    "worst operation, seconds": lambda report: max(by_operation(report).values()),
    "worst operation": lambda report: worst(by_operation(report), 1)[0][0],
}
"""The rows of the table, from the JSON report.  Task seconds are those of all workers together."""


def _numbers(values: list[float]) -> str:
    return " ".join(f"{value:.0f}" for value in values)


def _shown(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def by_operation(report: dict[str, Any]) -> dict[str, float]:
    """The seconds of each operation in all of its layers; accessors of packed words are left out."""
    seconds: dict[str, float] = {}
    for task in report["tasks"]:
        _, module, operation, *_ = task["id"].split("/")
        if module != "layout":
            seconds[operation] = seconds.get(operation, 0.0) + task["seconds"]
    return seconds or {task["id"]: task["seconds"] for task in report["tasks"]}


def worst(seconds: dict[str, float], count: int) -> list[tuple[str, float]]:
    """The names that took longest."""
    return sorted(seconds.items(), key=lambda item: -item[1])[:count]


def measure(jobs: int, only: list[str]) -> dict[str, Any]:
    """The JSON report of one cold run."""
    command = [sys.executable, "-m", "refinement", "check", "--jobs", str(jobs), "--format", "json"]
    for glob in only:
        command += ["--only", glob]
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "REFINE_CACHE_DIR": cache}
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout.strip():
        raise SystemExit(f"refine check gave no report (exit status {done.returncode})")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def main() -> None:
    """Print the figures, one column a number of workers, and the operations that take longest."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", metavar="GLOB", action="append", default=[], help="as for refine check (repeatable)")
    parser.add_argument(
        "--jobs", metavar="N", type=int, nargs="+", default=[1, 2], help="numbers of workers to measure (1 2)"
    )
    parser.add_argument("--worst", metavar="N", type=int, default=5, help="how many of the worst tasks to list (5)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there as well")
    arguments = parser.parse_args()
    reports = [measure(jobs, arguments.only) for jobs in arguments.jobs]
    columns = [{name: figure(report) for name, figure in FIGURES.items()} for report in reports]
    print(tabulate([[name, *(_shown(column[name]) for column in columns)] for name in FIGURES], disable_numparse=True))
    tasks = {task["id"]: task["seconds"] for task in reports[-1]["tasks"]}
    rows = worst(tasks, arguments.worst)
    print("\n" + tabulate(rows, headers=["task", "seconds"], floatfmt=".2f"))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(columns, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
