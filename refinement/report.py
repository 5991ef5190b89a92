"""What a run has to say: the summary, the exit status, and the report as text, Markdown or JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen
from tabulate import tabulate

from refinement.cost import Spent
from refinement.obligations import Obligation, Result, Status, Task

SCHEMA = 1

EXIT_PROVED = 0
EXIT_REFUTED = 1
EXIT_USAGE = 2
EXIT_UNKNOWN = 3
EXIT_INTERNAL = 4

Style = Callable[[str, Status], str]


@frozen
class Report:
    """The results of one run, in the kernel's order.

    `tasks` are those that were to run, `spent` is what each took that was finished; `selected` are all
    obligations that were asked for: those without a result were not run.  `bad_input` says that a task could
    not run because of its input (a C file outside of the subset).
    """

    kernel: str
    tasks: tuple[Task, ...]
    spent: Mapping[str, Spent]
    selected: tuple[Obligation, ...]
    results: tuple[Result, ...]
    seconds: float
    jobs: int
    interrupted: int | None = None
    bad_input: bool = False

    def count(self, status: Status) -> int:
        """How many obligations ended so."""
        return sum(result.status is status for result in self.results)

    @property
    def not_run(self) -> int:
        """How many obligations have no result."""
        return len({obligation.id for obligation in self.selected} - {result.obligation.id for result in self.results})

    @property
    def witnessed(self) -> int:
        """How many obligations had their assumptions shown satisfiable."""
        return sum(result.witnessed > 0 for result in self.results)

    @property
    def unwitnessed(self) -> tuple[Result, ...]:
        """The results for obligations whose assumptions were not shown satisfiable."""
        return tuple(result for result in self.results if not result.witnessed)

    @property
    def by_task(self) -> dict[str, list[Result]]:
        """The results of each task that has any."""
        results = {result.obligation.id: result for result in self.results}
        found = {task.id: [results[o.id] for o in task.obligations if o.id in results] for task in self.tasks}
        return {task: results for task, results in found.items() if results}

    @property
    def peak_by_worker(self) -> list[float]:
        """The most memory that each worker process had, in MiB, in the order of their ids."""
        peaks: dict[int, float] = {}
        for spent in self.spent.values():
            if spent.worker:
                peaks[spent.worker] = max(peaks.get(spent.worker, 0.0), spent.peak_memory_mib)
        return [peaks[worker] for worker in sorted(peaks)]

    @property
    def peak_memory_mib(self) -> float:
        """The most memory that one worker had, in MiB."""
        return max(self.peak_by_worker, default=0.0)

    @property
    def strengths(self) -> Counter[str]:
        """How many of the proved obligations have each strength."""
        return Counter(result.obligation.strength for result in self.results if result.status is Status.PROVED)

    @property
    def exit_status(self) -> int:
        """The status to exit with: of several reasons the gravest, a refutation before all others.

        A run that a signal ended has 128 and its number, as a shell would give.
        """
        if self.interrupted is not None:
            return 128 + self.interrupted
        if self.count(Status.REFUTED):
            return EXIT_REFUTED
        if self.bad_input:
            return EXIT_USAGE
        if self.count(Status.ERROR):
            return EXIT_INTERNAL
        if self.count(Status.UNKNOWN) or self.not_run:
            return EXIT_UNKNOWN
        return EXIT_PROVED


def obligation_as_json(obligation: Obligation) -> dict[str, Any]:
    """The static part of an obligation's JSON."""
    return {
        "id": obligation.id,
        "layers": obligation.layers,
        "operation": obligation.operation,
        "claim": obligation.claim,
        "kind": obligation.kind.value,
        "strength": obligation.strength,
        "bound": obligation.bound,
    }


def result_as_json(result: Result) -> dict[str, Any]:
    """One entry of `obligations` in the JSON report."""
    return {
        **obligation_as_json(result.obligation),
        "status": result.status.value,
        "seconds": round(result.seconds, 4),
        "paths": result.paths,
        "queries": result.queries,
        "solver": round(result.solver, 4),
        "cached": result.cached,
        "location": result.obligation.location,
        "counterexample": result.counterexample,
        "witnessed": result.witnessed,
        "note": result.note,
        "assumptions": list(result.obligation.assumptions),
    }


def _task_as_json(name: str, results: Sequence[Result], spent: Spent) -> dict[str, Any]:
    """One entry of `tasks` in the JSON report: what the task took as a whole."""
    return {
        "id": name,
        "obligations": len(results),
        "seconds": round(spent.seconds, 4),
        "paths": max(result.paths for result in results),
        "queries": spent.queries,
        "solver": round(spent.solver, 4),
    }


def as_json(report: Report) -> str:
    """The JSON report; `results.schema.json`, next to this module, describes it."""
    summary = {
        "total": len(report.selected),
        "proved": report.count(Status.PROVED),
        "refuted": report.count(Status.REFUTED),
        "unknown": report.count(Status.UNKNOWN),
        "seconds": round(report.seconds, 3),
        "error": report.count(Status.ERROR),
        "not_run": report.not_run,
        "witnessed": report.witnessed,
        "strengths": dict(sorted(report.strengths.items())),
        "cached": sum(result.cached for result in report.results),
        "jobs": report.jobs,
        "peak_memory_mib": round(report.peak_memory_mib, 1),
        "peak_memory_mib_by_worker": [round(peak, 1) for peak in report.peak_by_worker],
        "interrupted": report.interrupted is not None,
        "exit_status": report.exit_status,
    }
    content = {
        "schema": SCHEMA,
        "kernel": report.kernel,
        "summary": summary,
        "tasks": [_task_as_json(name, results, report.spent[name]) for name, results in report.by_task.items()],
        "obligations": [result_as_json(result) for result in report.results],
    }
    return json.dumps(content, indent=1, default=str)


def as_text(report: Report, style: Style = lambda text, status: text, verbose: bool = False) -> str:
    """The report for a terminal or log: a line a task, what is not proved in detail, the summary.

    `style` marks a piece of text that shows a status; `verbose` lists all obligations as well.
    """
    parts = [tabulate(_rows(report), headers="keys", tablefmt="simple", disable_numparse=True)]
    if verbose:
        parts.insert(0, tabulate(_listed(report), headers="keys", tablefmt="simple", disable_numparse=True))
    if not report.results:
        parts = []
    for task, alike in _failures(report):
        result = alike[0]
        status = style(result.status.value.upper(), result.status)
        title, details = result.obligation.id, _details(result)
        if len(alike) > 1:
            title, details = f"{task}: {len(alike)} obligations", [f"note: {result.note}"]
        parts.append("\n".join([f"{status} {title}", *(f"  {line}" for line in details)]))
    parts.append(_summary(report, style))
    return "\n\n".join(parts)


def as_markdown(report: Report) -> str:
    """The proof-obligation report as Markdown."""
    parts = [f"# Proof obligations of {report.kernel}", _summary(report, lambda text, status: f"**{text}**")]
    parts.append(tabulate(_rows(report), headers="keys", tablefmt="github", disable_numparse=True))
    failures = _failures(report)
    if failures:
        parts.append("## Not proved")
    for task, alike in failures:
        result = alike[0]
        title, details = f"`{result.obligation.id}`", _details(result)
        if len(alike) > 1:
            title, details = f"`{task}`, {len(alike)} obligations", [f"note: {result.note}"]
        body = "\n".join(f"    {line}".rstrip() for line in details)
        parts.append(f"### {title}: {result.status.value}\n\n{body}")
    if report.results:
        listed = [
            {
                "obligation": f"`{row.pop('obligation')}`",
                "claim": cell(result.obligation.claim),
                **{name: cell(str(value)) for name, value in row.items()},
            }
            for result, row in zip(report.results, _listed(report), strict=True)
        ]
        parts += ["## All obligations", tabulate(listed, headers="keys", tablefmt="github", disable_numparse=True)]
    return "\n\n".join(parts)


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def alike(results: Iterable[Result]) -> list[list[Result]]:
    """Results that say the same, such as those of a task that could not run: to be told once."""
    groups: dict[Any, list[Result]] = {}
    for result in results:
        own = result.counterexample is not None or not result.note
        groups.setdefault(result.obligation.id if own else (result.status, result.note), []).append(result)
    return list(groups.values())


def _failures(report: Report) -> list[tuple[str, list[Result]]]:
    """What is not proved, by task and what is to be said of it, refutations first."""
    gravity = [Status.REFUTED, Status.ERROR, Status.UNKNOWN]
    failures = [
        (task, group)
        for task, results in report.by_task.items()
        for group in alike(result for result in results if result.status is not Status.PROVED)
    ]
    return sorted(failures, key=lambda failure: gravity.index(failure[1][0].status))


def _details(result: Result) -> list[str]:
    """What there is to say of a failure: the claim, where, why, and the counterexample's story."""
    lines = [f"claim: {result.obligation.claim}", f"at {result.obligation.location}"]
    if result.note:
        lines.append(f"note: {result.note}")
    story = (result.counterexample or {}).get("story", [])
    title = f"{result.obligation.id}: {result.note}"
    for line in [story] if isinstance(story, str) else story:
        # The story says by itself what it is about, where it stands alone: here that has been said.
        if line != title:
            lines += str(line).splitlines() or [""]
    return lines


def _strength(obligation: Obligation) -> str:
    return obligation.strength + (f" ({obligation.bound})" if obligation.bound else "")


def _rows(report: Report) -> list[dict[str, Any]]:
    """A row for each task: an operation between two layers (or in one)."""
    return [
        {
            "task": task,
            "proved": _of([result.status is Status.PROVED for result in results]),
            "not proved": _counts(
                result.status.value for result in _by_status(results) if result.status is not Status.PROVED
            ),
            "strength": _counts((result.obligation.strength for result in results), hide_single=True),
            "not vacuous": _of([result.witnessed > 0 for result in results]),
            "paths": max(result.paths for result in results),
            "seconds": f"{report.spent[task].seconds:.2f}",
        }
        for task, results in report.by_task.items()
    ]


def _listed(report: Report) -> list[dict[str, Any]]:
    """A row for each obligation."""
    return [
        {
            "obligation": result.obligation.id,
            "status": result.status.value,
            "strength": _strength(result.obligation),
            "satisfiable on": f"{result.witnessed} of {result.paths} paths",
            "queries": result.queries,
            "seconds": f"{result.seconds:.2f}",
            "note": result.note,
        }
        for result in report.results
    ]


def _by_status(results: Sequence[Result]) -> list[Result]:
    order = list(Status)
    return sorted(results, key=lambda result: order.index(result.status))


def _of(marks: Sequence[bool]) -> str:
    return f"{sum(marks)}/{len(marks)}"


def _counts(words: Iterable[str], hide_single: bool = False) -> str:
    """`2 refuted, 1 unknown`; with `hide_single` just the word when there is only one."""
    counted = Counter(words)
    if hide_single and len(counted) == 1:
        return next(iter(counted))
    return ", ".join(f"{number} {word}" for word, number in counted.items())


def _summary(report: Report, style: Style) -> str:
    total = len(report.selected)
    counts = [
        style(f"{number} {status.value}", status)
        for status in Status
        if (number := report.count(status)) or status is not Status.ERROR
    ]
    if report.not_run:
        counts.append(f"{report.not_run} not run")
    lines = [
        f"{report.kernel}: {total} obligation{'s' if total != 1 else ''}: {', '.join(counts)},"
        f" in {report.seconds:.1f} s"
        f" ({report.jobs} worker{'s' if report.jobs != 1 else ''}, peak {report.peak_memory_mib:.0f} MiB)"
    ]
    if report.strengths:
        by_strength = ", ".join(f"{number} {strength}" for strength, number in sorted(report.strengths.items()))
        lines.append(f"strength of what is proved: {by_strength}")
    cached = sum(result.cached for result in report.results)
    if cached:
        lines.append(f"from the cache: {cached}")
    lines += _vacuity(report)
    if report.interrupted is not None:
        lines.append("the run was interrupted: what is above had been finished")
    return "\n".join(lines)


def _vacuity(report: Report) -> list[str]:
    """Whether every obligation's assumptions were shown satisfiable."""
    if not report.results:
        return []
    names = [result.obligation.id for result in report.unwitnessed]
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        shown = f"{report.witnessed} of {len(report.results)}"
        return [f"assumptions shown satisfiable: {shown}; not for {', '.join(names[:3])}{more}"]
    counts = [result.witnessed for result in report.results]
    which = "no obligation is vacuous" if not report.not_run else "of those that ran, no obligation is vacuous"
    least, most = min(counts), max(counts)
    on = f"{least} path" + ("s" if least > 1 else "") if least == most else f"{least} to {most} paths"
    return [f"{which}: the assumptions of each were shown satisfiable, on {on}"]
