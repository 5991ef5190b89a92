"""The report of `refine uses`: by whom functions, outcomes and statements are used, and what no proof uses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen
from tabulate import tabulate

from refinement.obligations import Obligation, Result, Status
from refinement.report import EXIT_INTERNAL, EXIT_PROVED, EXIT_UNKNOWN, EXIT_USAGE, SCHEMA, Style, cell
from refinement.uses import Item, Sort, Uses

EXIT_UNUSED = 1

SOME = 3
"""How many operations a row names."""

WIDTH = 80
"""How much of a conjunct's text a row shows."""


@frozen
class UsesReport:
    """What a run tells about uses.

    `excused` has for the ids of unused items that may be so the reason, `wrong` what is not right about the list of
    those; `partial` says that not all obligations were asked for, so that nothing can be called unused.
    """

    kernel: str
    uses: Uses
    results: tuple[Result, ...]
    total: int
    seconds: float
    jobs: int
    excused: Mapping[str, str]
    wrong: Sequence[str]
    partial: bool = False
    interrupted: int | None = None
    bad_input: bool = False

    @property
    def unused(self) -> tuple[Item, ...]:
        """What no proof uses, and should be used."""
        return () if self.partial else tuple(item for item in self.uses.unused if item.id not in self.excused)

    def is_used(self, item: Item) -> bool:
        """Whether what was asked for shows that something is used."""
        return bool(self.uses.by[item.id]) if self.partial else item.id not in self.uses.idle

    @property
    def not_proved(self) -> tuple[Result, ...]:
        """The results of which nothing is told, as they are no proofs."""
        return tuple(result for result in self.results if result.status is not Status.PROVED)

    @property
    def exit_status(self) -> int:
        """The status to exit with: of several reasons the gravest, as for `refine check`."""
        if self.interrupted is not None:
            return 128 + self.interrupted
        if self.unused or self.wrong:
            return EXIT_UNUSED
        if self.bad_input:
            return EXIT_USAGE
        if any(result.status is Status.ERROR for result in self.results):
            return EXIT_INTERNAL
        if self.not_proved or len(self.results) < self.total:
            return EXIT_UNKNOWN
        return EXIT_PROVED


def as_json(report: UsesReport) -> str:
    """The report as JSON, with an entry for each function, outcome and conjunct that says which obligations use it."""
    shown = {
        f"{sort.value}s": [_as_json(report, item) for item in report.uses.items if item.sort is sort] for sort in Sort
    }
    summary = {
        "obligations": report.total,
        "proved": len(report.results) - len(report.not_proved),
        "partial": report.partial,
        "unused": len(report.unused),
        "excused": len(report.excused),
        "seconds": round(report.seconds, 3),
        "jobs": report.jobs,
        "exit_status": report.exit_status,
    }
    content = {
        "schema": SCHEMA,
        "kernel": report.kernel,
        "summary": summary,
        **shown,
        "unused": [item.id for item in report.unused],
        "excused": dict(report.excused),
        "wrong_exceptions": list(report.wrong),
        "not_proved": [result.obligation.id for result in report.not_proved],
    }
    return json.dumps(content, indent=1)


def _as_json(report: UsesReport, item: Item) -> dict[str, Any]:
    by_task: dict[str, list[str]] = {}
    for user in report.uses.by[item.id]:
        task = f"{user.id.partition(f'/{user.operation}/')[0]}/{user.operation}"
        by_task.setdefault(task, []).append(user.id.removeprefix(f"{task}/"))
    return {"id": item.id, "of": item.of, "text": item.text, "location": item.location, "used_by": by_task}


def as_text(report: UsesReport, style: Style = lambda text, status: text, verbose: bool = False) -> str:
    """The report for a terminal or log: a row for each function and statement, with `verbose` for their parts too."""
    parts = [
        tabulate(rows, headers="keys", tablefmt="simple", disable_numparse=True)
        for rows in (_functions(report, verbose), _statements(report, verbose))
        if rows
    ]
    complaints = _complaints(report)
    if complaints:
        parts.append("\n".join(f"{style('UNUSED', Status.REFUTED)} {line}" for line in complaints))
    if report.wrong:
        parts.append("\n".join(f"{style('NOT RIGHT', Status.REFUTED)} {line}" for line in report.wrong))
    parts.append("\n".join(_summary(report)))
    return "\n\n".join(parts)


def as_markdown(report: UsesReport) -> str:
    """The report as Markdown, with a row for every outcome and conjunct."""
    parts = [f"# Uses of the specification of {report.kernel}", "\n".join(_summary(report))]
    for title, lines in (("Unused", _complaints(report)), ("Exceptions that are not right", list(report.wrong))):
        if lines:
            parts += [f"## {title}", "\n".join(f"- {line}" for line in lines)]
    for title, rows in (("Functions", _functions(report, True)), ("Statements", _statements(report, True))):
        if rows:
            cells = [{name: cell(value) for name, value in row.items()} for row in rows]
            parts += [f"## {title}", tabulate(cells, headers="keys", tablefmt="github", disable_numparse=True)]
    if report.excused:
        reasons = [{"unused": cell(id), "reason": cell(reason)} for id, reason in report.excused.items()]
        parts += ["## Unused for a reason", tabulate(reasons, headers="keys", tablefmt="github", disable_numparse=True)]
    return "\n\n".join(parts)


def _functions(report: UsesReport, verbose: bool) -> list[dict[str, str]]:
    """A row for each function, or with `verbose` one for it and each of its outcomes."""
    names = [item.id for item in report.uses.items if item.sort is Sort.FUNCTION]
    return _rows(report, ("function", "outcomes"), names, verbose)


def _statements(report: UsesReport, verbose: bool) -> list[dict[str, str]]:
    """A row for each statement, or with `verbose` one for it and each of its conjuncts."""
    names = dict.fromkeys(item.of for item in report.uses.items if item.sort is Sort.CONJUNCT)
    return _rows(report, ("statement", "conjuncts"), names, verbose)


def _rows(report: UsesReport, titles: tuple[str, str], names: Iterable[str], verbose: bool) -> list[dict[str, str]]:
    """A row for each thing that has parts, of those that are used if not all obligations were asked for."""
    by, rows = report.uses.by, []
    for name in names:
        parts = report.uses.parts(name)
        users = {user.id: user for part in parts for user in by[part.id]}
        users |= {user.id: user for user in by.get(name, ())}
        if users or not report.partial:
            used = sum(report.is_used(part) for part in parts)
            rows.append(_row(titles, name, f"{used}/{len(parts)}", users.values()))
            for part in parts if verbose else ():
                text = part.text if len(part.text) <= WIDTH else f"{part.text[: WIDTH - 3]}..."
                rows.append(_row(titles, f"- {text}", f"line {part.location.rpartition(':')[2]}", by[part.id]))
    return rows


def _row(titles: tuple[str, str], name: str, parts: str, users: Iterable[Obligation]) -> dict[str, str]:
    users = list(users)
    operations = list(dict.fromkeys(user.operation for user in users))
    more = f" +{len(operations) - SOME}" if len(operations) > SOME else ""
    named = ", ".join(operations[:SOME]) + more
    return {titles[0]: name, titles[1]: parts, "obligations": str(len(users)), "of": named}


def _complaints(report: UsesReport) -> list[str]:
    """What is to be said of each unused item."""
    lines = []
    for item in report.unused:
        if item.sort is Sort.FUNCTION:
            lines.append(f"{item.id} ({item.location}): no proof comes to this function")
        elif item.sort is Sort.OUTCOME:
            lines.append(f"{item.id} ({item.location}): no path of a proof comes to this outcome")
        else:
            users = report.uses.by[item.id]
            why = "no proof uses it" if not users else "only proofs that it, or what nothing else needs, is kept use it"
            lines.append(f"{item.id} ({item.location}): {why}: {item.text}")
    return lines


def _summary(report: UsesReport) -> list[str]:
    counts = []
    for sort in Sort:
        all_of_sort = [item for item in report.uses.items if item.sort is sort]
        used = sum(report.is_used(item) for item in all_of_sort)
        counts.append(f"{used} of {len(all_of_sort)} {sort.value}s")
    workers = f"{report.jobs} worker{'s' if report.jobs != 1 else ''}"
    lines = [f"{report.kernel}: used by proofs: {', '.join(counts)}, in {report.seconds:.1f} s ({workers})"]
    if report.partial:
        lines.append("what is unused shows only when all obligations are proved")
    else:
        lines.append(f"unused: {len(report.unused)}; unused for a reason: {len(report.excused)}")
    missing = len(report.not_proved) + report.total - len(report.results)
    if missing:
        lines.append(f"not proved, so that nothing is told of what they use: {missing} of {report.total} obligations")
        lines += [f"  {result.obligation.id}: {result.note}" for result in report.not_proved[:SOME]]
    if report.interrupted is not None:
        lines.append("the run was interrupted: what is above had been finished")
    return lines
