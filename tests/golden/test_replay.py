"""All recordings are replayed on every layer, and what is not so is noticed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from typing import Any

import pytest
from attrs import evolve

from executable_model.sel4 import cnode
from executable_model.sel4.capability import Cap, CapKind
from executable_model.sel4.state import FAULT_IP, NEXT_IP, WORK_UNITS_LIMIT, SlotRef
from proofs.sel4.replay import recording, replayer, stepping, support, words
from proofs.sel4.replay.apart import Died, apart
from proofs.sel4.replay.comparing import state_at_start
from proofs.sel4.replay.guest import Guest, guests, prepare
from proofs.sel4.replay.recording import COMPARED, RecordedSlot, Recording
from proofs.sel4.replay.replayer import MACHINES, Course, Sel4Replayer
from proofs.sel4.replay.rule import rules
from proofs.sel4.replay.spec import cap_of
from proofs.sel4.replay.start import initial_state
from refinement import logic
from refinement.places import project_root
from refinement.recordings import Replayed
from tests.golden.doctored import BADGES, BLOCKS, DOCTORED, ERRORS, MINT, Doctored
from tests.golden.recordings import capabilities, recordings

LAYERS = ("spec", "exec", "c", "native")
STEPS = 10118
"""The steps of all recordings."""
COMPARED_STEPS = 3756
"""Those before the first of each recording that belongs to later work."""
IDLE_STEPS = 227
"""Those of them that no thread gets to."""
STATES = 3429
WHOLE = 103
"""The recordings that are compared from the beginning to the end."""


def read(name: str) -> Recording:
    return recording.read(recordings()[name])


def replay(content: Any, layer: str) -> Replayed:
    found = Sel4Replayer()
    return found.replay(found.read(content), layer)


@pytest.mark.parametrize("layer", LAYERS)
def test_every_recording_is_what_a_layer_does(layer):
    done = {name: replay(content, layer) for name, content in recordings().items()}
    assert {name: outcome.differences for name, outcome in done.items() if outcome.differences} == {}
    totals = {part: sum(getattr(outcome, part) for outcome in done.values()) for part in PARTS}
    assert totals == {"steps": STEPS, "compared": COMPARED_STEPS, "idle": IDLE_STEPS, "states": STATES}
    whole = [outcome for outcome in done.values() if not outcome.unsupported]
    assert len(whole) == WHOLE
    assert all(outcome.compared == outcome.steps for outcome in whole)


PARTS = ("steps", "compared", "idle", "states")


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("doctored", DOCTORED, ids=lambda doctored: doctored.name)
def test_what_the_kernel_did_not_do_is_noticed(doctored: Doctored, layer: str):
    found = replay(doctored.content(), layer).differences
    if layer == "spec" and not doctored.is_abstract:
        assert found == ()
    else:
        assert (doctored.step, doctored.what) in [(difference.step, difference.what) for difference in found]
        assert found[0].rule is not None


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", [BADGES, BLOCKS])
def test_a_layer_tells_all_that_is_recorded_of_an_object(layer, name):
    read_one = read(name)
    with MACHINES[layer](initial_state(read_one)) as machine:
        if name == BLOCKS:
            players = guests(read_one)
            events = list(stepping.play(read_one, machine, players))
            assert events[-1].moment == stepping.Moment.AtRest
            objects = read_one.final.objects
        else:
            objects = state_at_start(read_one).objects
        for address, found in objects.items():
            if found is None:
                continue
            image = machine.image(found.kind, address + (0x100 if found.kind == "tcb" else 0))
            missing = {field for field in found.fields if field in COMPARED[found.kind]} - set(image or {})
            assert missing <= ({"msgIdentifier"} if layer == "spec" else set())


SEEDED = {
    "rights are kept": ("cnode", "mask_cap_rights", lambda right: lambda rights, cap: cap),
    "a badge is one too many": (
        "cnode",
        "update_cap_data",
        lambda right: lambda preserve, data, cap: right(preserve, data ^ 1, cap),
    ),
    "the copy is the original": (
        "derivation",
        "is_cap_revocable",
        lambda right: lambda cap, source: logic.negate(right(cap, source)),
    ),
    "an answer has another label": (
        "syscall",
        "reply_from_kernel",
        lambda right: lambda s, thread, label, given: right(s, thread, label ^ 1, given),
    ),
    "an answer has no words": (
        "syscall",
        "reply_from_kernel",
        lambda right: lambda s, thread, label, given: right(s, thread, label, ()),
    ),
    "a signal is lost": ("syscall", "send_signal", lambda right: lambda s, notification, badge: None),
    "a sender does not wait": ("syscall", "send_ipc", lambda right: lambda *arguments: None),
    "nothing is revoked": ("cnode", "cap_revoke", lambda right: lambda s, slot: None),
    "the wrong slot is deleted": (
        "cnode",
        "cap_delete",
        lambda right: lambda s, slot: right(s, SlotRef(slot.number + 16)),
    ),
    "a fault is survived": ("syscall", "handle_fault", lambda right: lambda s, thread: None),
    "a register is not what was written": (
        "tcb_invocation",
        "syscall_argument",
        lambda right: lambda s, number, buffer: right(s, number, buffer) ^ (number == 3),
    ),
    "what was resumed comes last": ("tcb", "tcb_sched_enqueue", lambda right: lambda s, thread: None),
    "another priority changes nothing at once": ("tcb", "possible_switch_to", lambda right: lambda s, thread: None),
    "what moves to another domain is not ready there": (
        "domain",
        "tcb_sched_enqueue",
        lambda right: lambda s, thread: None,
    ),
    "the highest priority has no limit": (
        "tcb_invocation",
        "SyscallError",
        lambda right: lambda kind, *given: right(kind, *(word + 1 for word in given)),
    ),
    "a root stays what it was": (
        "tcb_invocation",
        "replace_cap",
        lambda right: lambda s, slot, thread, index, new: right(s, slot, thread, index, new) if index > 1 else None,
    ),
    "an IPC buffer stays where it was": (
        "tcb_invocation",
        "replace_cap",
        lambda right: lambda s, slot, thread, index, new: right(s, slot, thread, index, new) if index < 2 else None,
    ),
    "nothing is bound": ("tcb_invocation", "bind_notification", lambda right: lambda s, thread, notification: None),
}
"""Mistakes in a function of a module, of either layer in Python."""
SOME = (MINT, ERRORS, BADGES, BLOCKS, "cnode-delete-revoke", "invoke-bad-cptr-call-fault")
OF_THREADS = ("tcb-registers", "tcb-setspace", "tcb-ipcbuffer", "ntfn-bound", "sched-setpriority", "sched-equal-yield")
OF_DOMAINS = ("sched-domain", "domain-switch")


@pytest.mark.parametrize(("package", "layer"), [("spec.sel4", "spec"), ("executable_model.sel4", "exec")])
@pytest.mark.parametrize("mistake", SEEDED)
def test_a_mistake_in_a_layer_is_noticed(mistake, package, layer, monkeypatch):
    module, name, make = SEEDED[mistake]
    place = f"{package}.{module}.{name}"
    monkeypatch.setattr(place, make(getattr(__import__(f"{package}.{module}", fromlist=[name]), name)))
    chosen = OF_THREADS if module.startswith("tcb") else OF_DOMAINS if module == "domain" else SOME
    assert any(replayer.replay(read(one), layer).differences for one in chosen)


RIGHT = "    insertBehind(source, destination, revocable);"
WRONG = RIGHT.replace("revocable", "false")


def test_a_mistake_in_the_c_program_is_noticed(tmp_path):
    for folder in ("refinement", "spec", "executable_model", "impl", "proofs"):
        shutil.copytree(project_root() / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "impl" / "sel4" / "src" / "derivation.c"
    text = file.read_text(encoding="utf-8")
    assert RIGHT in text
    file.write_text(text.replace(RIGHT, WRONG), encoding="utf-8")
    (tmp_path / "mint.json").write_text(json.dumps(recordings()[MINT]), encoding="utf-8")
    command = [sys.executable, "-m", "refinement", "replay", "mint.json", "--format", "json"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stderr[-1500:]
    found = {line["layer"]: line["differences"] for line in map(json.loads, done.stdout.splitlines())}
    assert (found["spec"], found["exec"]) == ([], [])
    for layer in ("c", "native"):
        assert [difference["what"] for difference in found[layer]][:2] == ["S[60] revocable", "S[60] first badged"]
        assert found[layer][0]["rule"]["location"].startswith("spec/sel4/cnode.py:")


@pytest.mark.parametrize("layer", LAYERS)
def test_system_calls_that_are_interrupted_are_made_again(layer, monkeypatch):
    entries = 0
    call = stepping.call

    def counted(*arguments):
        nonlocal entries
        entries += 1
        call(*arguments)

    monkeypatch.setattr(stepping, "call", counted)
    monkeypatch.setattr(logic, "draw", lambda candidates: candidates[-1])
    found = read("cnode-revoke-frames")
    start = initial_state(found)
    start.interrupt_pending = True
    start.work_units = WORK_UNITS_LIMIT - 1
    monkeypatch.setattr(replayer, "initial_state", lambda recording: start)
    assert replayer.replay(found, layer).differences == ()
    assert entries > found.steps + 1


def test_the_rule_that_decided_is_where_an_error_was_raised_or_the_function_that_was_asked_for():
    found = rules(read("cnode-errors-simple"), ["T0:5", "T0:11", "T0:23", "end"])
    assert [found[step].function for step in ("T0:5", "T0:11")] == ["cap_delete", "create_objects"]
    for step, function, line in (("T0:5", "cap_delete", "def cap_delete("), ("T0:23", "ensure_empty_slot", "raise ")):
        assert found[step].function == function
        file, number = found[step].location.split(":")
        text = (project_root() / file).read_text(encoding="utf-8").splitlines()[int(number) - 1]
        assert text.strip().startswith(line)
    assert found["T0:23"].outcome == "raises SyscallError DeleteFirst"
    assert found["end"].function == "receive_signal"


def test_the_rule_for_a_fault_is_where_it_was_told():
    (found,) = rules(read("notification-no-read-right-fault"), ["T0:3"]).values()
    assert found.function == "handle_fault"
    assert "called by handle_recv" in found.outcome


def test_python_is_watched_no_more_afterwards():
    before = sys.gettrace()
    rules(read(MINT), ["T0:2"])
    assert sys.gettrace() is before


def at_start(name: str, layer: str = "exec") -> tuple[Any, Guest]:
    """A layer at the start of a recording, and T0."""
    found = read(name)
    with MACHINES[layer](initial_state(found)) as machine:
        return machine, guests(found)[found.addresses.thread("T0")]


def why_not(machine: Any, guest: Guest, step: recording.Step) -> str:
    """Why a step that a guest is to begin with cannot be replayed; empty if it can."""
    prepare(read(MINT), machine, guest, step)
    return support.of_entry(machine, guest.thread)


def put(machine: Any, address: int, cap: Cap) -> None:
    """Put a capability in the slot that T0 finds at an address."""
    machine.s.slot[SlotRef(read(MINT).addresses.slot(f"S[{address}]"))].cap = cap


@pytest.mark.parametrize("kind", support.LATER, ids=lambda kind: kind.name)
def test_what_belongs_to_later_work_is_told_by_the_kind_of_the_capability(kind):
    machine, guest = at_start(MINT)
    step = guest.program[0]
    assert why_not(machine, guest, step) == ""
    put(machine, step.cap, Cap(kind=kind, size_bits=12 if kind == CapKind.Frame else 0))
    assert why_not(machine, guest, step) == f"the invocation of a {kind.name} capability belongs to later work"


def test_only_invocations_are_told_by_the_capability():
    machine, guest = at_start(MINT)
    step = guest.program[0]
    put(machine, step.cap, Cap(kind=CapKind.IRQControl))
    assert why_not(machine, guest, evolve(step, number=-3)) != ""
    assert why_not(machine, guest, evolve(step, number=-5)) == ""


@pytest.mark.parametrize(
    ("name", "step", "reason"),
    [
        ("fault-vm-kernel-border-read", "T1:0", "recordings do not tell"),
        ("fault-user-exception", "T1:0", "may be a fault"),
        ("fault-cap-recv-rights", "T1:0", "fault handler"),
        ("ipc-long-messages", "T0:3", "more than four words"),
        ("ipc-cap-transfer-nogrant", "T0:12", "transfer of capabilities"),
    ],
)
def test_what_the_layers_do_not_have_is_not_supported(name, step, reason):
    outcome = replay(recordings()[name], "exec")
    assert [entry.step for entry in outcome.unsupported] == [step]
    assert reason in outcome.unsupported[0].reason


def test_what_depends_on_the_timer_is_not_supported():
    outcome = replay(recordings()["sched-timeslice"], "exec")
    assert (outcome.compared, [entry.step for entry in outcome.unsupported]) == (0, ["T0:0"])


def test_a_fault_that_a_handler_would_hear_of_is_not_supported():
    found = read("invoke-bad-cptr-call-fault")
    s = initial_state(found)
    handler = Cap(kind=CapKind.Endpoint, object=found.addresses.known["U"], can_send=True, can_grant_reply=True)
    s.slot[SlotRef(found.addresses.slot("S[0]"))].cap = handler
    with MACHINES["exec"](s) as machine:
        course = Course(found, machine, lambda step: None)
        course.expected.slots[found.addresses.slot("S[0]")] = RecordedSlot(words.encode(handler), 0, 0, False, False)
        outcome = course.run()
    assert outcome.differences == ()
    assert [entry.step for entry in outcome.unsupported] == ["T0:0"]
    assert "fault handler" in outcome.unsupported[0].reason


def test_a_layer_that_stops_is_different(monkeypatch):
    monkeypatch.setattr("executable_model.sel4.cnode.cap_insert", lambda *arguments: {}["nothing"])
    (found,) = replayer.replay(read(MINT), "exec").differences
    assert (found.step, found.what, found.kernel) == ("T0:2", "outcome", "returns")
    assert "stops: " in found.layer
    assert "KeyError" in found.layer


def test_a_thread_that_calls_the_kernel_for_ever_is_different(monkeypatch):
    def never_done(s, number):
        thread = s.tcb[s.current_thread]
        thread.registers[NEXT_IP] = thread.registers[FAULT_IP]

    monkeypatch.setattr("proofs.sel4.replay.executable.call_kernel", never_done)
    (found,) = replayer.replay(read(MINT), "exec").differences
    assert (found.step, found.layer) == ("T0:0", "enters the kernel again and again")


def test_a_capability_that_no_words_can_hold_is_different(monkeypatch):
    right = cnode.update_cap_data

    def too_wide(preserve, data, cap):
        return evolve(cap, badge=data) if data == 0xFFFFFFFF else right(preserve, data, cap)

    monkeypatch.setattr(cnode, "update_cap_data", too_wide)
    found = replayer.replay(read(MINT), "exec").differences[-1]
    assert (found.step, found.what) == ("T0:14", "state")
    assert "no words can hold" in found.layer


def test_capabilities_are_words_and_back():
    seen = {tuple(cap["words"]) for recording in recordings().values() for cap in capabilities(recording)}
    for one in seen:
        cap = words.decode(one)
        assert words.encode(cap) == one
        assert words.encode(cap_of(cap)) == one
    assert len(seen) > 1000
    with pytest.raises(words.NoWords):
        words.encode(Cap(kind=CapKind.Endpoint, badge=1 << 28))
    with pytest.raises(words.NoWords):
        words.encode(Cap(kind=CapKind.Thread, object=0x1100, badge=1))


def dies(tell):
    tell("begun")
    os.kill(os.getpid(), signal.SIGKILL)


def echoes(word, tell):
    tell(word)
    return word


def refuses(tell):
    raise ValueError("no")


def test_another_process_may_die():
    assert apart(echoes, "one") == "one"
    with pytest.raises(Died, match="with SIGKILL") as caught:
        apart(dies)
    assert caught.value.last == "begun"
    with pytest.raises(ValueError, match="no"):
        apart(refuses)
    assert apart(echoes, "two") == "two"


def test_a_compiled_kernel_that_brings_its_process_down_is_different(monkeypatch):
    found = read(MINT)

    def broken(*arguments):
        raise Died("with SIGSEGV", found.threads["T0"][3])

    monkeypatch.setattr(replayer, "apart", broken)
    (difference,) = Sel4Replayer().replay(found, "native").differences
    assert (difference.step, difference.layer) == ("T0:3", "the process ended with SIGSEGV")
    assert difference.rule is not None
