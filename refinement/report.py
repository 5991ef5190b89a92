"""What a run has to say: the summary, the exit status, and the report as text, Markdown or JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from attrs import frozen
from tabulate import tabulate

from refinement.obligations import Obligation, Result, Status

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

    `selected` are all obligations that were asked for; those without a result were not run.
    `bad_input` says that a task could not run because of its input (a C file outside of the subset).
    """

    kernel: str
    selected: tuple[Obligation, ...]
    results: tuple[Result, ...]
    seconds: float
    jobs: int
    peak_memory_mib: float
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
    def vacuous(self) -> tuple[Result, ...]:
        """The proved obligations whose assumptions were not shown satisfiable."""
        return tuple(result for result in self.results if result.status is Status.PROVED and not result.witnessed)

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


def as_json(report: Report) -> str:
    """The JSON report; `results.schema.json` describes it."""
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
        "interrupted": report.interrupted is not None,
        "exit_status": report.exit_status,
    }
    content = {
        "schema": SCHEMA,
        "kernel": report.kernel,
        "summary": summary,
        "obligations": [result_as_json(result) for result in report.results],
    }
    return json.dumps(content, indent=1, default=str)


def as_text(report: Report, style: Style = lambda text, status: text) -> str:
    """The report for a terminal or log; `style` marks a piece of text that shows a status."""
    parts = [tabulate(_rows(report), headers="keys", tablefmt="simple")] if report.results else []
    for result in _failures(report):
        lines = [f"{style(result.status.value.upper(), result.status)} {result.obligation.id}", *_details(result)]
        parts.append("\n".join([lines[0], *(f"  {line}" for line in lines[1:])]))
    parts.append(_summary(report, style))
    return "\n\n".join(parts)


def as_markdown(report: Report) -> str:
    """The proof-obligation report as Markdown."""
    parts = [f"# Proof obligations of {report.kernel}", _summary(report, lambda text, status: f"**{text}**")]
    parts.append(tabulate(_rows(report), headers="keys", tablefmt="github"))
    failures = _failures(report)
    if failures:
        parts.append("## Not proved")
    for result in failures:
        body = "\n".join(f"    {line}".rstrip() for line in _details(result))
        parts.append(f"### `{result.obligation.id}`: {result.status.value}\n\n{body}")
    listed = [
        {
            "obligation": f"`{result.obligation.id}`",
            "claim": _cell(result.obligation.claim),
            "kind": result.obligation.kind.value,
            "strength": _strength(result.obligation),
            "status": result.status.value,
            "seconds": f"{result.seconds:.2f}",
        }
        for result in report.results
    ]
    if listed:
        parts += ["## All obligations", tabulate(listed, headers="keys", tablefmt="github", disable_numparse=True)]
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _failures(report: Report) -> list[Result]:
    """What is not proved, refutations first."""
    gravity = [Status.REFUTED, Status.ERROR, Status.UNKNOWN]
    failures = [result for result in report.results if result.status is not Status.PROVED]
    return sorted(failures, key=lambda result: gravity.index(result.status))


def _details(result: Result) -> list[str]:
    """What there is to say of a failure: the claim, where, why, and the counterexample's story."""
    lines = [f"claim: {result.obligation.claim}", f"at {result.obligation.location}"]
    if result.note:
        lines.append(f"note: {result.note}")
    story = (result.counterexample or {}).get("story", [])
    for line in [story] if isinstance(story, str) else story:
        lines += str(line).splitlines() or [""]
    return lines


def _strength(obligation: Obligation) -> str:
    return obligation.strength + (f" ({obligation.bound})" if obligation.bound else "")


def _rows(report: Report) -> list[dict[str, Any]]:
    """A row for each operation between two layers (or in one)."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in report.results:
        groups.setdefault((result.obligation.operation, result.obligation.layers), []).append(result)
    return [
        {
            "operation": operation,
            "layers": layers,
            "proved": _of([result.status is Status.PROVED for result in results]),
            "not proved": _counts(
                result.status.value for result in _by_status(results) if result.status is not Status.PROVED
            ),
            "strength": _counts((result.obligation.strength for result in results), hide_single=True),
            "witnessed": _of([result.witnessed > 0 for result in results]),
            "paths": max(result.paths for result in results),
            "seconds": f"{sum(result.seconds for result in results):.2f}",
        }
        for (operation, layers), results in groups.items()
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
    line = f"not vacuous (assumptions shown satisfiable): {report.witnessed} of {len(report.results)}"
    if report.vacuous:
        names = [result.obligation.id for result in report.vacuous]
        line += f"; not shown for {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    lines.append(line)
    if report.interrupted is not None:
        lines.append("the run was interrupted: what is above had been finished")
    return "\n".join(lines)
