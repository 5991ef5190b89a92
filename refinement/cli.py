"""The command `refine`."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from attrs import evolve
from tabulate import tabulate

from refinement import counterexamples, history, ledger, recordings, registry, report, runner, uses_report
from refinement.display import display
from refinement.errors import InputError, record_traceback, user_message
from refinement.obligations import Obligation, Result, Settings
from refinement.output import OutputError, mark, write, write_error
from refinement.progress import progression
from refinement.recordings import Replay
from refinement.registry import LAYERS, Collection
from refinement.report import Report
from refinement.source import excerpt
from refinement.uses import exceptions_file, gather, read_exceptions, specifications
from refinement.uses_report import UsesReport
from refinement.worker import Failure

STATUSES = """
\b
Exit status:
  0  everything that was asked for is proved
  1  something is refuted (comes before the others)
  2  the command line or an input file is not right
  3  something is unknown, timed out or was not run, and nothing is worse
  4  an internal error, or a worker that died twice
  130, 143  ended by Ctrl-C, by SIGTERM
"""

STATUSES_OF_USES = """
\b
Exit status:
  0  everything is used, or listed as unused for a reason
  1  something is unused, or listed as unused and is not
  2, 3, 4, 130, 143  as for refine check
"""


class _Layers(click.ParamType):
    """Names of layers and pairs of layers, separated by commas."""

    name = "LAYERS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        names = tuple(part.strip() for part in str(value).split(","))
        for name in names:
            if name not in LAYERS:
                self.fail(f"{name!r} is not one of {', '.join(LAYERS)}", param, ctx)
        return names


_kernel = click.option(
    "--kernel",
    metavar="NAME",
    envvar="REFINE_KERNEL",
    show_envvar=True,
    help="The kernel: a sub-package of proofs, or MODULE:FUNCTION.  Default: all in proofs.",
)
_only = click.option(
    "--only",
    metavar="GLOB",
    multiple=True,
    help="Only obligations whose id matches, or lies below, GLOB (repeatable).",
)
_layers = click.option(
    "--layers",
    type=_Layers(),
    multiple=True,
    help=f"Only obligations about these: {', '.join(LAYERS)} (repeatable, or with commas).",
)
_jobs = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=lambda: len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    show_default="all cores",
    help="Worker processes.",
)
_timeout = click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=Settings().seconds,
    show_default=True,
    metavar="SECONDS",
    help="The last guard for one query to the solver; what it stops is unknown, never proved.",
)
_task_timeout = click.option(
    "--task-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=None,
    metavar="SECONDS",
    show_default="ten times --timeout, at least 1500",
    help="The last guard for all obligations of one operation between two layers.",
)
_form = click.option(
    "--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True
)


def _version() -> str:
    try:
        return importlib.metadata.version("refine-kernel")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=STATUSES)
@click.version_option(_version(), prog_name="refine")
def cli() -> None:
    """Prove that a kernel's C code does what its specification says.

    \b
    Examples:
      refine check
      refine check --only '*/send_ipc/*' --layers exec-c
      refine explain sel4/endpoint/send_ipc/exec-c/state
    """


@cli.command(epilog=STATUSES)
@_only
@_layers
@_kernel
@_jobs
@_timeout
@_task_timeout
@_form
@click.option("--verbose", is_flag=True, help="List every obligation in the text report, not only what is not proved.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first obligation that is refuted or in error.")
@click.option(
    "--save",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Save each counterexample in DIR: a JSON scenario, and a pytest case that reproduces it.",
)
def check(
    only: Sequence[str],
    layers: Sequence[tuple[str, ...]],
    kernel: str | None,
    jobs: int,
    timeout: float,
    task_timeout: float | None,
    form: str,
    verbose: bool,
    fail_fast: bool,
    save: Path | None,
) -> int:
    """Prove the obligations, and report.

    Progress goes to standard error, the report to standard output.

    \b
    Examples:
      refine check
      refine check --only 'sel4/endpoint/*' --fail-fast --save found
      refine check --layers spec-exec,exec-c --format json > report.json
      refine check --jobs 1 --timeout 10 --verbose
    """
    began = time.perf_counter()
    collection = registry.collect(kernel)
    selected = registry.select(collection, only, (name for names in layers for name in names))
    if save is not None:
        counterexamples.prepare(save)
    wanted = {obligation.id for obligation in selected}
    tasks = [task for task in collection.tasks if any(obligation.id in wanted for obligation in task.obligations)]
    with display(len(tasks)) as shown:
        outcome = runner.run(
            tasks,
            collection.sources,
            Settings(seconds=timeout, fail_fast=fail_fast),
            _limits(jobs, len(tasks), timeout, task_timeout),
            shown,
            history.read().seconds,
        )
    _tell_failures(outcome.failures)
    finished = [result for task in tasks for result in outcome.results.get(task.id, ())]
    _remember(collection, finished, {task: spent.seconds for task, spent in outcome.spent.items()})
    made = Report(
        kernel=collection.name,
        tasks=tuple(tasks),
        spent=outcome.spent,
        selected=tuple(selected),
        results=tuple(result for result in finished if result.obligation.id in wanted),
        seconds=time.perf_counter() - began,
        jobs=min(jobs, len(tasks)),
        interrupted=outcome.interrupted,
        bad_input=any(failure.is_input for failure in outcome.failures),
    )
    if save is not None:
        _save(made.results, save)
    write(report.as_text(made, mark, verbose) if form == "text" else FORMATS[form](made))
    return made.exit_status


FORMATS = {"json": report.as_json, "markdown": report.as_markdown}


def _limits(jobs: int, tasks: int, timeout: float, task_timeout: float | None) -> runner.Limits:
    return runner.Limits(min(jobs, tasks), task_timeout or max(1500.0, 10 * timeout))


def _remember(collection: Collection, results: Sequence[Result], seconds: dict[str, float]) -> None:
    now = datetime.datetime.now().astimezone().isoformat(" ", "seconds")
    try:
        history.update(
            {result.obligation.id: {**report.result_as_json(result), "at": now} for result in results},
            seconds,
            [kernel.name for kernel in collection.kernels],
            [*(task.id for task in collection.tasks), *(made.id for made in collection.obligations)],
        )
    except OSError as error:
        write_error(f"refine: warning: results are not remembered: {error}: set REFINE_CACHE_DIR to a writable folder")


def _tell_failures(failures: Sequence[Failure]) -> None:
    """One line for each different failure of a task."""
    for message in dict.fromkeys(failure.message for failure in failures if failure.is_input):
        write_error(f"refine: error: {message}")
    internal = {failure.message: failure for failure in failures if not failure.is_input}
    if internal:
        text = "\n".join(failure.traceback for failure in internal.values() if failure.traceback)
        where = f": {record_traceback(text)}" if text else ""
        write_error(f"refine: internal error: {'; '.join(internal)}{where}")


def _save(results: Sequence[Result], directory: Path) -> None:
    try:
        written = counterexamples.save(results, directory)
    except OSError as error:
        write_error(f"refine: warning: not all counterexamples are saved: {error}")
        return
    write_error(f"refine: {len(written)} file{'s' if len(written) != 1 else ''} written to {directory}")


@cli.command("list")
@_only
@_layers
@_kernel
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_(only: Sequence[str], layers: Sequence[tuple[str, ...]], kernel: str | None, form: str) -> int:
    """List the obligations, without proving any.

    \b
    Examples:
      refine list
      refine list --only '*/endpoint/*' --layers spec-exec
      refine list --format json
    """
    collection = registry.collect(kernel)
    selected = registry.select(collection, only, (name for names in layers for name in names))
    if form == "json":
        content = {
            "schema": report.SCHEMA,
            "kernel": collection.name,
            "obligations": [
                {
                    **report.obligation_as_json(obligation),
                    "location": obligation.location,
                    "assumptions": list(obligation.assumptions),
                }
                for obligation in selected
            ],
        }
        write(json.dumps(content, indent=1))
        return 0
    last = history.read().results
    rows = [
        {
            "id": obligation.id,
            "kind": obligation.kind.value,
            "strength": obligation.strength,
            "last result": str(last.get(obligation.id, {}).get("status", "-")),
        }
        for obligation in selected
    ]
    write(tabulate(rows, headers="keys", tablefmt="plain", disable_numparse=True))
    return 0


@cli.command()
@click.argument("obligation", metavar="ID")
@_kernel
def explain(obligation: str, kernel: str | None) -> int:
    """Explain one obligation: what it claims, on what assumptions, of which source, with which last result.

    \b
    Examples:
      refine explain sel4/endpoint/send_ipc/exec-c/state
    """
    collection = registry.collect(kernel)
    found = next((item for item in collection.obligations if item.id == obligation), None)
    if found is None:
        inside = [item.id for item in collection.obligations if item.id.startswith(obligation.rstrip("/") + "/")]
        hint = f"did you mean {' or '.join(inside[:3])}?" if inside else registry.suggestion(collection, obligation)
        raise InputError(f"there is no obligation {obligation!r}: {hint}")
    write("\n".join(_explanation(collection, found)))
    return 0


def _explanation(collection: Collection, obligation: Obligation) -> list[str]:
    bound = f" ({obligation.bound})" if obligation.bound else ""
    facts = {
        "operation": obligation.operation,
        "layers": obligation.layers,
        "claim": obligation.claim,
        "kind": obligation.kind.value,
        "strength": f"{obligation.strength}{bound}",
        "location": obligation.location,
    }
    lines = [obligation.id, "", *(f"  {name + ':':<11}{value}" for name, value in facts.items())]
    lines += ["", "  assumptions:" + ("" if obligation.assumptions else " none")]
    for assumption in obligation.assumptions:
        prose = collection.prose(assumption)
        lines.append(f"    {assumption}" + (f": {prose}" if prose else ""))
    last = history.read().results.get(obligation.id)
    lines += ["", "  last result:" + ("" if last else " none yet; `refine check` makes one")]
    if last:
        shown = ("status", "at", "seconds", "solver", "paths", "queries", "witnessed", "note")
        lines += [f"    {name + ':':<11}{last[name]}" for name in shown if last.get(name) not in (None, "")]
        counterexample = last.get("counterexample")
        if isinstance(counterexample, dict):
            lines += [f"    {line}" for line in counterexample.get("story", [])]
    source = excerpt(obligation.location)
    if source:
        lines += ["", f"  source, {obligation.location}:", *(f"    {line}".rstrip() for line in source)]
    return lines


REPLAY_STATUSES = """
\b
Exit status:
  0  all that was recorded is what the layers do
  1  something is different (comes before the others)
  2  the command line or a file is not right; other files are replayed all the same
  3  something is not supported yet: nothing is compared from that step on
  4  an internal error
  130  ended by Ctrl-C
"""


@cli.command(epilog=REPLAY_STATUSES)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--layer",
    type=click.Choice([*recordings.LAYERS, recordings.ALL]),
    default=recordings.ALL,
    show_default=True,
    help="The layer to replay on: specification, executable model, C evaluated, C compiled.",
)
@_kernel
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def replay(files: Sequence[Path], layer: str, kernel: str | None, form: str) -> int:
    """Replay recordings of the real kernel, and compare.

    Each FILE is a recorded scenario.  Its system calls are made on a layer, and all that was recorded of a step is
    compared: whether it returned, what, and, where recorded, the internal state afterwards.  A step that none of the
    kernel's threads got to counts as compared once it is certain that the layer's do not either.  What is different is
    told with the rule of the specification that decided.  From the first step that is not supported yet on, nothing is
    compared; nor is it behind a state that is different.

    Progress goes to standard error, the report to standard output; as JSON it is a line for each file and layer.

    \b
    Examples:
      refine replay cnode-copy-errors.json
      refine replay recordings/*.json --layer exec
      refine replay recordings/*.json --format json > replays.jsonl
    """
    replayer = registry.replayer(kernel)
    layers = recordings.layers_of(replayer, layer)
    done: list[Replay] = []
    bad_input = False
    try:
        with progression(len(files), "recordings") as shown:
            for file in files:
                try:
                    recording = recordings.load(replayer, file)
                except InputError as error:
                    bad_input = True
                    shown.failed(error.user_message)
                    continue
                replays = recordings.replay(replayer, file, recording, layers, shown)
                done += replays
                if form == "json":
                    for replayed in replays:
                        write(recordings.as_json(replayed))
    finally:
        if form == "text" and done:
            write(recordings.as_text(done, mark))
    return recordings.exit_status(done, bad_input)


@cli.command(epilog=STATUSES_OF_USES)
@_only
@_kernel
@_jobs
@_timeout
@_task_timeout
@_form
@click.option("--verbose", is_flag=True, help="List every outcome and conjunct in the text report.")
@click.option(
    "--exceptions",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    metavar="FILE",
    show_default="proofs/unused.toml",
    help="The list of what may be unused, with reasons.",
)
def uses(
    only: Sequence[str],
    kernel: str | None,
    jobs: int,
    timeout: float,
    task_timeout: float | None,
    form: str,
    verbose: bool,
    exceptions: Path | None,
) -> int:
    """Prove the obligations again, and tell what the proofs use and what none uses.

    Told are, for the functions of the specification, which of their outcomes the proofs come to, and for the
    statements that proofs assume, which of their conjuncts they need (by unsat cores, not always the fewest).

    \b
    Examples:
      refine uses
      refine uses --only sel4/endpoint/send_ipc --verbose
      refine uses --format json > uses.json
    """
    began = time.perf_counter()
    collection = registry.collect(kernel)
    selected = registry.select(collection, only, ())
    listed = read_exceptions(exceptions or exceptions_file())
    wanted = {obligation.id for obligation in selected}
    tasks = [
        task
        for task in collection.tasks
        if task.proof is not None and any(obligation.id in wanted for obligation in task.obligations)
    ]
    if not tasks:
        raise InputError("none of these obligations is about an operation: choose others")
    observed = [specifications(found) for found in collection.kernels]
    sources = [evolve(source, observed=names) for source, names in zip(collection.sources, observed, strict=True)]
    with display(len(tasks)) as shown:
        outcome = runner.run(
            tasks,
            tuple(sources),
            Settings(seconds=timeout, tells_uses=True),
            _limits(jobs, len(tasks), timeout, task_timeout),
            shown,
            history.read().seconds,
        )
    _tell_failures(outcome.failures)
    finished = [result for task in tasks for result in outcome.results.get(task.id, ())]
    results = tuple(result for result in finished if result.obligation.id in wanted)
    found = gather(collection.kernels, results)
    partial = bool(only) or outcome.interrupted is not None
    excused, wrong = ({}, []) if partial else (listed.about(collection.kernels) if kernel else listed).judge(found)
    made = UsesReport(
        kernel=collection.name,
        uses=found,
        results=results,
        total=sum(obligation.id in wanted for task in tasks for obligation in task.obligations),
        seconds=time.perf_counter() - began,
        jobs=min(jobs, len(tasks)),
        excused=excused,
        wrong=wrong,
        partial=partial,
        interrupted=outcome.interrupted,
        bad_input=any(failure.is_input for failure in outcome.failures),
    )
    write(uses_report.as_text(made, mark, verbose) if form == "text" else USES_FORMATS[form](made))
    return made.exit_status


USES_FORMATS = {"json": uses_report.as_json, "markdown": uses_report.as_markdown}


@cli.command()
def trust() -> int:
    """Print what is assumed and not proved, as in proofs/TRUSTED.md.

    \b
    Examples:
      refine trust
      refine trust > proofs/TRUSTED.md
    """
    write(ledger.as_markdown(ledger.read()).rstrip("\n"))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status.  Errors are one line on standard error."""
    try:
        status = cli.main(arguments, prog_name="refine", standalone_mode=False)
    except click.UsageError as error:
        help_for = f"{error.ctx.command_path} --help" if error.ctx else "refine --help"
        write_error(f"refine: error: {error.format_message()} (see {help_for})")
        return report.EXIT_USAGE
    except click.ClickException as error:
        write_error(f"refine: error: {error.format_message()}")
        return report.EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        write_error("refine: interrupted")
        return 130
    except OutputError as error:
        write_error(f"refine: error: {error}")
        return report.EXIT_INTERNAL
    except Exception as error:
        message = user_message(error)
        if message is not None:
            write_error(f"refine: error: {message}")
            return report.EXIT_USAGE
        where = record_traceback("".join(traceback.format_exception(error)))
        line = " ".join(f"{type(error).__name__}: {error}".split())
        write_error(f"refine: internal error: {line}: {where}")
        return report.EXIT_INTERNAL
    return status if isinstance(status, int) else 0


if __name__ == "__main__":
    sys.exit(main())
