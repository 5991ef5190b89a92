"""What a cold run of `refine check` costs: `python benchmarks/bench.py [--only GLOB] [--jobs 1 2]`."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from tabulate import tabulate


def measure(jobs: int, only: list[str]) -> dict[str, Any]:
    """One run with an empty cache; the figures of its report."""
    command = [sys.executable, "-m", "refinement", "check", "--jobs", str(jobs), "--format", "json"]
    for glob in only:
        command += ["--only", glob]
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "REFINE_CACHE_DIR": cache}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout.strip():
        raise SystemExit(f"refine check gave no report (exit status {done.returncode})")
    report = json.loads(done.stdout)
    obligations, summary = report["obligations"], report["summary"]
    operations: dict[str, float] = {}
    paths: dict[tuple[str, str], int] = {}
    for obligation in obligations:
        name = obligation["operation"]
        operations[name] = operations.get(name, 0.0) + obligation["seconds"]
        key = (name, obligation["layers"])
        paths[key] = max(paths.get(key, 0), obligation["paths"])
    return {
        "workers": jobs,
        "obligations": summary["total"],
        "proved": summary["proved"],
        "paths": sum(paths.values()),
        "queries": sum(obligation["queries"] for obligation in obligations),
        "solver s": sum(obligation["solver"] for obligation in obligations),
        "total s": summary["seconds"],
        "peak MiB/worker": summary["peak_memory_mib"],
        "median operation s": statistics.median(operations.values()),
        "worst operation s": max(operations.values()),
        "worst operation": max(operations, key=lambda name: operations[name]),
    }


def main() -> None:
    """Print the figures, one column a number of workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="GLOB", action="append", default=[], help="as for refine check (repeatable)")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2], help="numbers of workers to measure")
    arguments = parser.parse_args()
    runs = [measure(jobs, arguments.only) for jobs in arguments.jobs]
    rows = [[name, *(run[name] for run in runs)] for name in runs[0]]
    print(tabulate(rows, floatfmt=".2f"))


if __name__ == "__main__":
    main()
