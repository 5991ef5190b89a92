"""The kernel's C: evaluated on bytes and compiled for this machine, it does the same; its state can be saved."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executable_model.sel4.state import ThreadState
from impl.c import plain
from impl.c.evaluate import Evaluator, UndefinedBehaviour
from impl.c.memory import ByteMemory
from impl.c.native import Native
from impl.c.view import address_of, to_member, to_reference, to_width
from impl.sel4.layout import layout
from impl.sel4.program import KINDS, function_name, program, sources, view
from refinement.logic import NULL, reference

START = 0x8000_0000
THREADS = [START + 0x200 * number for number in range(5)]
ENDPOINTS = [START + 0x4000, START + 0x4010]
NOTIFICATIONS = [START + 0x5000, START + 0x5010]
IDLE = THREADS[0]
BOOLEANS = [0, 1]
BADGES = [0, 1, 7, 0x0FFFFFFF]

OPERATIONS = {
    "tcbSchedEnqueue": (THREADS,),
    "tcbSchedAppend": (THREADS,),
    "tcbSchedDequeue": (THREADS,),
    "rescheduleRequired": (),
    "possibleSwitchTo": (THREADS,),
    "schedule": (),
    "activateThread": (),
    "timerTick": (),
    "handleYield": (),
    "cancelIPC": (THREADS,),
    "cancelAllIPC": (ENDPOINTS,),
    "cancelBadgedSends": (ENDPOINTS, BADGES),
    "cancelAllSignals": (NOTIFICATIONS,),
    "doIPCTransfer": (THREADS, THREADS, BADGES),
    "sendSignal": (NOTIFICATIONS, BADGES),
    "receiveSignal": (THREADS, NOTIFICATIONS, BOOLEANS),
    "completeSignal": (NOTIFICATIONS, THREADS),
    "sendIPC": (BOOLEANS, BOOLEANS, BADGES, BOOLEANS, BOOLEANS, THREADS, ENDPOINTS),
    "receiveIPC": (THREADS, ENDPOINTS, BOOLEANS, BOOLEANS),
    "suspend": (THREADS[1:],),
    "restart": (THREADS,),
    "setPriority": (THREADS, [0, 1, 31, 32, 255]),
    "bindNotification": (THREADS, NOTIFICATIONS),
    "unbindNotification": (THREADS,),
}


def set_up(memory):
    """An idle thread that runs, four threads, two endpoints and notifications; two domains take turns."""
    memory.reset()
    for address in THREADS:
        memory.allocate("tcb", address)
    for address in ENDPOINTS:
        memory.allocate("endpoint", address)
    for address in NOTIFICATIONS:
        memory.allocate("notification", address)
    for number, address in enumerate(THREADS):
        memory.write("tcb", address, "tcbPriority", (0, 3, 3, 200, 3)[number])
        memory.write("tcb", address, "tcbDomain", number // 4)
        memory.write("tcb", address, "tcbTimeSlice", 2)
        memory.write("tcb", address, "tcbState.words[0]", 1 if number else 7)
        for register in range(20):
            memory.write("tcb", address, f"tcbArch.registers[{register}]", 0x100 * number + register)
    memory.write("ksCurThread", None, "", IDLE)
    memory.write("ksIdleThread", None, "", IDLE)
    memory.write("ksDomainTime", None, "", 3)
    memory.write("ksDomSchedule", None, "[0]", 3)
    memory.write("ksDomSchedule", None, "[1]", 1 << 56 | 2)
    return memory


@pytest.fixture(scope="module")
def native():
    with Native(program(), sources()) as compiled:
        yield compiled


@pytest.fixture
def memory():
    return set_up(ByteMemory(program()))


def snapshot(c):
    """Everything in a state that the operations can reach."""
    tcb_fields = ("tcbBoundNotification", "tcbDomain", "tcbPriority", "tcbTimeSlice",
                  "tcbSchedNext", "tcbSchedPrev", "tcbEPNext", "tcbEPPrev")  # fmt: skip
    found = {}
    for t in c.tcb:
        found[t] = [getattr(c.tcb[t], name) for name in tcb_fields]
        found[t] += [c.tcb[t].tcbState.words[i] for i in range(3)]
        found[t] += [c.tcb[t].tcbArch.registers[i] for i in range(20)]
    for kind in ("endpoint", "notification"):
        for ref in getattr(c, kind):
            found[ref] = [getattr(c, kind)[ref].words[i] for i in range(4)]
    for d in range(2):
        for p in (0, 1, 3, 31, 32, 200, 255):
            found["queue", d, p] = c.ksReadyQueues[d][p].head, c.ksReadyQueues[d][p].end
        found["bitmap", d] = c.ksReadyQueuesL1Bitmap[d], [c.ksReadyQueuesL2Bitmap[d][i] for i in range(8)]
    for name in ("ksCurThread", "ksIdleThread", "ksSchedulerAction", "ksCurDomain", "ksDomainTime",
                 "ksDomScheduleIdx"):  # fmt: skip
        found[name] = getattr(c, name)
    return found


@st.composite
def calls(draw):
    name = draw(st.sampled_from(sorted(OPERATIONS)))
    return name, [draw(st.sampled_from(values)) for values in OPERATIONS[name]]


@settings(max_examples=150, deadline=None)
@given(st.lists(calls(), max_size=25))
def test_compiled_kernel_does_as_evaluated(native, sequence):
    memory = set_up(ByteMemory(program()))
    set_up(native)
    evaluated, compiled = view(memory), view(native)
    assert snapshot(evaluated) == snapshot(compiled)
    for name, arguments in sequence:
        trial = copy.deepcopy(memory)
        try:
            result = Evaluator(program(), trial).call(name, arguments)
        except UndefinedBehaviour:
            continue
        memory.objects, memory._regions = trial.objects, trial._regions
        assert native.call(name, arguments) == result
        assert snapshot(evaluated) == snapshot(compiled), name


@settings(max_examples=15, deadline=None)
@given(st.lists(calls(), max_size=12))
def test_saved_state_is_the_same(sequence):
    memory = set_up(ByteMemory(program()))
    for name, arguments in sequence:
        trial = copy.deepcopy(memory)
        try:
            Evaluator(program(), trial).call(name, arguments)
        except UndefinedBehaviour:
            continue
        memory = trial
    data = plain.dump(memory, KINDS, layout())
    again = plain.load(program(), KINDS, layout(), data)
    assert plain.dump(again, KINDS, layout()) == data
    assert snapshot(view(again)) == snapshot(view(memory))


def test_saved_state_names_fields(memory):
    memory.write("endpoint", ENDPOINTS[0], "words[2]", 5)
    Evaluator(program(), memory).call("receiveIPC", [THREADS[1], ENDPOINTS[1], 1, 1])
    data = plain.dump(memory, KINDS, layout())
    assert data["tcb"][f"tcb:{THREADS[1]:#x}"]["tcbState.tsType"] == 3
    assert data["tcb"][f"tcb:{THREADS[1]:#x}"]["tcbState.blockingObject"] == ENDPOINTS[1]
    assert data["endpoint"][f"endpoint:{ENDPOINTS[1]:#x}"]["state"] == 2
    # What no field holds is kept as it is.
    assert data["endpoint"][f"endpoint:{ENDPOINTS[0]:#x}"] == {"words[2]": 5}
    assert data["ksCurThread"] == IDLE


def test_functions_have_the_kernels_names():
    assert function_name("cancel_all_ipc") == "cancelAllIPC"
    assert function_name("tcb_sched_enqueue") == "tcbSchedEnqueue"
    assert all(name in program().functions for name in OPERATIONS)


@pytest.fixture(params=["bytes", "native"])
def state(request, memory, native):
    return view(memory if request.param == "bytes" else set_up(native))


def test_view_reads_by_the_names_of_c(state):
    thread = reference("tcb")(THREADS[1])
    assert state.tcb[thread].tcbPriority == 3
    assert state.tcb[THREADS[2]].tcbArch.registers[4] == 0x204
    assert to_member(ThreadState, state.tcb[IDLE].tcbState.tsType) is ThreadState.IdleThreadState
    assert to_reference("tcb", state.ksCurThread) == reference("tcb")(IDLE)
    assert to_reference("tcb", state.ksSchedulerAction) is NULL
    entry = state.unpack("dschedule", state.ksDomSchedule[1])
    assert (entry.duration, to_width(32, entry.domain)) == (2, 1)
    assert address_of("tcb", thread) == THREADS[1]
    assert [ref.number for ref in state.tcb] == THREADS


def test_view_is_total(state):
    endpoint = reference("endpoint")(ENDPOINTS[0])
    assert state.tcb[NULL].tcbPriority == 0
    assert state.tcb[0x1234].tcbState.tsType == 0
    assert state.tcb[ENDPOINTS[0]].tcbPriority == 0
    assert state.ksReadyQueues[16][0].head == 0
    assert state.tcb[THREADS[1]].tcbArch.registers[20] == 0
    assert state.exists("endpoint", endpoint) is True
    assert state.exists("endpoint", NULL) is False
    assert endpoint in state.endpoint
    assert reference("endpoint")(THREADS[0]) not in state.endpoint


def test_view_refuses_what_is_not_there(state):
    with pytest.raises(AttributeError, match="no global and no kind of object 'ksNothing'"):
        _ = state.ksNothing
    with pytest.raises(AttributeError, match="tcb_t has no field 'colour'"):
        _ = state.tcb[IDLE].colour
    with pytest.raises(TypeError, match="expected a reference to a tcb"):
        _ = state.tcb[reference("endpoint")(ENDPOINTS[0])]
    with pytest.raises(TypeError, match="is not an array"):
        _ = state.tcb[IDLE][3]
    with pytest.raises(AttributeError, match="has no field 'colour'"):
        _ = state.unpack("dschedule", 3).colour
