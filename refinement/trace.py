"""Trace equivalence: a kernel's layers run in lock step on plain states, and traces kept in files.

A trace is where the layers start and which operations are carried out, in order.  After each, all that the
proofs claim is compared: the relations between the layers and every invariant and fact.  A trace file holds the
states at the start, so that it can be run again from the file alone: `python -m refinement.trace FILE`.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from refinement import registry
from refinement.errors import InputError, user_message
from refinement.history import write_atomically
from refinement.layers import PythonLayer
from refinement.logic import Ref
from refinement.plain import decode, encode
from refinement.prove import Operation, Stack, parameters_of
from refinement.relation import disagreements
from refinement.schema import Leaf
from refinement.statements import check_plain

FORMAT = 1
SHOWN = 2
"""Of so many objects it is said that a statement does not hold of them."""
DAMAGE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading a state raises if it is none."""


@frozen
class Step:
    """An operation with its arguments as JSON values: references as `kind:number`, enumerations by name."""

    operation: str
    arguments: Mapping[str, Any]


@frozen
class Trace:
    """The kernel, the state of each layer at the start as JSON values, the steps, and what was wrong at the end."""

    kernel: str
    start: Mapping[str, Any]
    steps: tuple[Step, ...]
    failures: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The steps and failures, to read; objects are numbered from 0, by kind."""
        shown = []
        for step in self.steps:
            arguments = ", ".join(f"{name}={_shown(value)}" for name, value in step.arguments.items())
            shown.append(f"{step.operation}({arguments})")
        text = "\n".join([*shown, *(f"  {failure}" for failure in self.failures)])
        for reference, name in self._names().items():
            text = re.sub(rf"\b{re.escape(reference)}\b", name, text)
        return text.splitlines()

    def _names(self) -> dict[str, str]:
        names = {}
        top: Mapping[str, Any] = next(iter(self.start.values()), {})
        for kind, content in top.items():
            if isinstance(content, dict):
                references = [key for key in content if re.fullmatch(rf"{re.escape(kind)}:\d+", key)]
                for place, reference in enumerate(sorted(references, key=lambda key: int(key.partition(":")[2]))):
                    names[reference] = f"{kind}[{place}]"
        return names


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


class TraceFailure(AssertionError):
    """The layers do not agree after a trace, or a statement does not hold."""

    def __init__(self, trace: Trace):
        super().__init__("\n".join(["after this trace something is wrong:", *trace.lines()]))
        self.trace = trace


@frozen
class Twin:
    """A further state of a layer that is to agree with it, such as that of the compiled program.

    `execute(operation, arguments)` carries out an operation on `state`, which the layer can view.
    """

    name: str
    layer: str
    state: Any
    execute: Callable[[str, Mapping[str, Any]], Any]


class Run:
    """The layers of a stack in lock step from the states that `begin()` gives, by layer: new ones at each call."""

    def __init__(
        self,
        stack: Stack,
        operations: Iterable[Operation],
        begin: Callable[[], Mapping[str, Any]],
        twins: Iterable[Twin] = (),
    ):
        self.stack = stack
        self.operations = {operation.name: operation for operation in operations}
        self.begin = begin
        self.states = dict(begin())
        self.twins = tuple(twins)
        self.steps: list[Step] = []
        self.parameters = {name: _parameters(stack, name) for name in self.operations}

    def allowed(self, operation: str, arguments: Mapping[str, Any]) -> bool:
        """Whether the precondition holds; TraceFailure if it does in one layer and not in another."""
        return self._allowed(_step(operation, arguments))

    def _allowed(self, step: Step) -> bool:
        requires = self.operations[step.operation].requires
        if requires is None:
            return True
        found = {}
        for layer in self.stack.layers:
            if isinstance(layer, PythonLayer):
                given = self._arguments(layer.name, step)
                found[layer.name] = bool(requires(layer.view(self.states[layer.name]), **given))
        if len(set(found.values())) > 1:
            verdicts = ", ".join(f"{name} {verdict}" for name, verdict in found.items())
            raise self._failure([f"the precondition is not the same in all layers: {verdicts}"], [*self.steps, step])
        return all(found.values())

    def step(self, operation: str, arguments: Mapping[str, Any]) -> None:
        """Carry out an operation in every layer; TraceFailure if something is wrong then."""
        self._run(_step(operation, arguments))

    def _run(self, step: Step) -> None:
        self.steps.append(step)
        failures: list[str] = []
        for layer in reversed(self.stack.layers):
            with _stops(layer.name, failures):
                layer.execute(self.states[layer.name], step.operation, self._arguments(layer.name, step))
        for twin in self.twins:
            with _stops(twin.name, failures):
                twin.execute(step.operation, self._arguments(twin.layer, step))
        failures = failures or self.wrong()
        if failures:
            raise self._failure(failures, self.steps)

    def finish(self) -> None:
        """Compare everything, also what no operation should have touched; TraceFailure if something is wrong."""
        failures = self.wrong(everything=True)
        if failures:
            raise self._failure(failures, self.steps)

    def wrong(self, everything: bool = False) -> list[str]:
        """What is wrong with the states, in words; without `everything`, at the indices that were looked at."""
        universe = self.stack.universe(self.states[self.stack.layers[0].name])
        if not everything:
            universe = self._touched(universe)
        views = {layer.name: layer.view(self.states[layer.name]) for layer in self.stack.layers}
        found = self._broken(views, universe, None)
        by_name = {layer.name: layer for layer in self.stack.layers}
        for twin in self.twins:
            own = {**views, twin.layer: by_name[twin.layer].view(twin.state)}
            found += [f"{twin.name}: {failure}" for failure in self._broken(own, universe, twin.layer)]
        return found

    def _broken(self, views: Mapping[str, Any], universe: Mapping[str, list[Any]], about: str | None) -> list[str]:
        """What is wrong in views of all layers; with `about`, only what that layer takes part in."""
        found = []
        statements = [invariant for invariants in self.stack.invariants.values() for invariant in invariants]
        for relation in self.stack.relations:
            statements += relation.facts
            if about in (None, relation.upper.name, relation.lower.name):
                found += disagreements(relation, views[relation.upper.name], views[relation.lower.name], universe)
        for statement in statements:
            if about is None or about in statement.layers:
                for objects in check_plain(statement, views, universe)[:SHOWN]:
                    of = f" of {', '.join(map(repr, objects))}" if objects else ""
                    found.append(f"{'-'.join(statement.layers)}/{statement.id} does not hold{of}")
        return found

    def _touched(self, universe: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        """A universe with only those indices of tables and arrays that some layer in Python has entries for."""
        touched: dict[str, set[Any]] = {}
        for layer in self.stack.layers:
            if isinstance(layer, PythonLayer):
                for part in layer.schema.parts.values():
                    if part.form in ("table", "array"):
                        touched.setdefault(part.name, set()).update(getattr(self.states[layer.name], part.name))
        return {
            name: [key for key in keys if key in touched[name]] if name in touched else list(keys)
            for name, keys in universe.items()
        }

    def _arguments(self, layer: str, step: Step) -> dict[str, Any]:
        return {
            name: decode(leaf, step.arguments[name]) for name, leaf in self.parameters[step.operation][layer].items()
        }

    def _failure(self, failures: Iterable[str], steps: Iterable[Step]) -> TraceFailure:
        return TraceFailure(evolve(self.trace(), steps=tuple(steps), failures=tuple(failures)))

    def trace(self) -> Trace:
        """The trace so far."""
        states = self.begin()
        start = {layer.name: layer.dump(states[layer.name]) for layer in self.stack.layers}
        return Trace(self.stack.kernel, start, tuple(self.steps))


def _step(operation: str, arguments: Mapping[str, Any]) -> Step:
    return Step(operation, {name: encode(value) for name, value in arguments.items()})


def _parameters(stack: Stack, operation: str) -> dict[str, dict[str, Leaf]]:
    """The types of an operation's arguments by layer; a layer that is not in Python takes those of the one above."""
    found: dict[str, dict[str, Leaf]] = {}
    above: dict[str, Leaf] = {}
    for layer in stack.layers:
        if isinstance(layer, PythonLayer):
            above = parameters_of(layer, operation)
        found[layer.name] = above
    return found


@contextlib.contextmanager
def _stops(name: str, failures: list[str]) -> Iterator[None]:
    """Note whatever a layer raises: it is the finding."""
    try:
        yield
    except Exception as error:
        failures.append(f"{name} stops with {type(error).__name__}: {error}")


def replay(
    trace: Trace, stack: Stack, operations: Iterable[Operation], twins: Callable[[], Iterable[Twin]] = tuple
) -> tuple[str, ...]:
    """Run a trace again; gives what is wrong, in words: nothing, if it was mended.

    InputError if the trace does not fit the kernel: an operation or object that is not there, states that are not
    related at the start, a precondition that does not hold.
    """
    run = _loaded(trace, stack, operations, twins)
    at_start = run.wrong(everything=True)
    if at_start:
        raise InputError(f"the trace does not fit the kernel as it is: at its start {at_start[0]}")
    try:
        for number, step in enumerate(trace.steps, 1):
            _check(run, step, number)
            if not run._allowed(step):
                raise InputError(f"step {number}: the precondition of {step.operation} does not hold any more")
            run._run(step)
        run.finish()
    except TraceFailure as failure:
        return failure.trace.failures
    return ()


def _loaded(trace: Trace, stack: Stack, operations: Iterable[Operation], twins: Callable[[], Iterable[Twin]]) -> Run:
    def begin() -> dict[str, Any]:
        return {layer.name: layer.load(trace.start[layer.name]) for layer in stack.layers}

    try:
        return Run(stack, operations, begin, twins())
    except DAMAGE as error:
        raise InputError(f"the states at the start do not fit the kernel as it is: {_reason(error)}") from error


def _check(run: Run, step: Step, number: int) -> None:
    """InputError unless the step is an operation of the kernel with arguments of the right types."""
    leaves = run.parameters.get(step.operation)
    if leaves is None:
        raise InputError(f"step {number}: the kernel has no operation {step.operation!r}")
    top = run.stack.layers[0]
    wanted = leaves[top.name]
    if set(step.arguments) != set(wanted):
        raise InputError(f"step {number}: {step.operation} takes the arguments {', '.join(wanted) or 'none'}")
    for name, leaf in wanted.items():
        try:
            _check_argument(run.states[top.name], leaf, step.arguments[name])
        except DAMAGE as error:
            raise InputError(f"step {number}: the argument {name} of {step.operation}: {_reason(error)}") from error


def _check_argument(state: Any, leaf: Leaf, value: Any) -> None:
    found = decode(leaf, value)
    if encode(found) != value or type(encode(found)) is not type(value):
        raise ValueError(f"{value!r} is not a {leaf.form}")
    if leaf.form == "word" and not 0 <= found < 1 << leaf.width:
        raise ValueError(f"{found} does not fit a word of {leaf.width} bits")
    if isinstance(found, Ref) and found not in getattr(state, leaf.kind):
        raise ValueError(f"there is no {value}")
    if leaf.form == "ref" and not isinstance(found, Ref):
        raise ValueError(f"a {leaf.kind} is needed")


def _reason(error: BaseException) -> str:
    text = " ".join(str(error.args[0] if len(error.args) == 1 else error).split())
    return f"there is no {text!r}" if isinstance(error, KeyError) and " " not in text else text or type(error).__name__


def save(trace: Trace, path: Path) -> None:
    """Write a trace file.  Raises OSError."""
    content = {
        "format": FORMAT,
        "kernel": trace.kernel,
        "failures": list(trace.failures),
        "steps": [{"operation": step.operation, "arguments": dict(step.arguments)} for step in trace.steps],
        "start": dict(trace.start),
    }
    write_atomically(path, json.dumps(content, indent=1) + "\n")


def read(path: Path) -> Trace:
    """The trace in a file; InputError, which begins with the file's name, if there is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {_reason(error)}") from error
    try:
        return _parsed(data)
    except ValueError as error:
        raise InputError(f"{path}: not a trace: {error}") from error


def _parsed(data: Any) -> Trace:
    content = _typed(data, dict, "the file")
    if content.get("format") != FORMAT:
        raise ValueError(f"the format is {content.get('format')!r}, not {FORMAT}")
    steps = []
    for number, entry in enumerate(_typed(content.get("steps"), list, "steps"), 1):
        step = _typed(entry, dict, f"step {number}")
        operation = _typed(step.get("operation"), str, f"the operation of step {number}")
        steps.append(Step(operation, _typed(step.get("arguments"), dict, f"the arguments of step {number}")))
    start = {
        name: _typed(state, dict, f"the start of {name}")
        for name, state in _typed(content.get("start"), dict, "start").items()
    }
    failures = tuple(_typed(line, str, "a failure") for line in _typed(content.get("failures"), list, "failures"))
    return Trace(_typed(content.get("kernel"), str, "kernel"), start, tuple(steps), failures)


_FORMS: dict[Any, str] = {dict: "an object", list: "a list", str: "a text"}


def _typed(value: Any, form: type, what: str) -> Any:
    if not isinstance(value, form):
        raise ValueError(f"{what} is not {_FORMS[form]}")
    return value


@contextlib.contextmanager
def saving(folder: Path) -> Iterator[None]:
    """Save the trace of a TraceFailure in the folder, by the name of its last operation, and say where in a note."""
    try:
        yield
    except BaseException as error:
        for failure in _failures_in(error):
            last = failure.trace.steps[-1].operation if failure.trace.steps else "start"
            path = folder / f"{failure.trace.kernel}-{last}.json"
            save(failure.trace, path)
            error.add_note(f"to run it again: python -m refinement.trace {path}")
        raise


def _failures_in(error: BaseException) -> list[TraceFailure]:
    if isinstance(error, BaseExceptionGroup):
        return [failure for inner in error.exceptions for failure in _failures_in(inner)]
    return [error] if isinstance(error, TraceFailure) else []


def stack_of(kernel: str) -> tuple[Stack, tuple[Operation, ...]]:
    """The stack of a kernel and its operations; InputError if there is no kernel of that name with any."""
    found = [known for known in registry.collect(None).kernels if known.name == kernel]
    proofs = [task.proof for known in found for task in known.tasks if task.proof is not None]
    if not proofs:
        raise InputError(f"there is no kernel {kernel!r} whose layers can be run")
    stack = proofs[0].stack
    operations = {proof.operation.name: proof.operation for proof in proofs if proof.stack is stack}
    return stack, tuple(operations.values())


def main(arguments: list[str]) -> int:
    """Run a trace file again: exit status 0 if all agree, 1 if something is wrong, 2 if it does not fit."""
    if len(arguments) != 1:
        print("usage: python -m refinement.trace FILE", file=sys.stderr)
        return 2
    path = Path(arguments[0])
    try:
        trace = read(path)
        try:
            failures = replay(trace, *stack_of(trace.kernel))
        except InputError as error:
            raise InputError(f"{path}: {error.user_message}") from error
    except Exception as error:
        message = user_message(error)
        if message is None:
            raise
        print(message, file=sys.stderr)
        return 2
    print("\n".join(evolve(trace, failures=failures).lines()))
    if failures:
        return 1
    print("all layers agree" + (f"; it was saved because {trace.failures[0]}" if trace.failures else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
