"""Seeded faults: a change of one place in the specification, the model, the C or the layout, and who must notice.

Each is (name, file, text before, text after, tasks): the first occurrence of the text before is replaced, and
`refine check --only TASKS` must refute something with a counterexample that replays.
"""

from __future__ import annotations

from attrs import frozen

from tests.faults import capabilities, cspace


@frozen
class Fault:
    """One seeded fault."""

    name: str
    file: str
    before: str
    after: str
    tasks: str


def _faults(folder: str, rows: list[tuple[str, str, str, str, str]]) -> list[Fault]:
    return [Fault(f"{folder.split('/')[0]}: {row[0]}", f"{folder}/{row[1]}", *row[2:]) for row in rows]


SPEC = _faults(
    "spec/sel4",
    [
        ("enqueue behind instead of ahead", "schedule.py", "place = -s.now", "place = s.now",
         "sel4/schedule/tcb_sched_enqueue/spec-exec"),
        ("append does not make ready", "schedule.py", "        s.tcb[thread].queued = True\n        s.tcb[thread].place = s.now",
         "        s.tcb[thread].place = s.now", "sel4/schedule/tcb_sched_append/spec-exec"),
        ("blocked current thread is not replaced", "schedule.py", "        and not is_runnable(s, thread)\n",
         "        and is_runnable(s, thread)\n", "sel4/schedule/set_thread_state/spec*"),
        ("candidate is forgotten", "schedule.py", "        tcb_sched_enqueue(s, s.candidate)\n", "        pass\n",
         "sel4/schedule/reschedule_required/spec*"),
        ("time slice never ends", "schedule.py", "time_slice > 1", "time_slice > 0",
         "sel4/schedule/timer_tick/spec*"),
        ("restarted thread goes on behind", "schedule.py", "registers[NEXT_IP] = s.tcb[thread].registers[FAULT_IP]",
         "registers[FAULT_IP] = s.tcb[thread].registers[NEXT_IP]", "sel4/schedule/activate_thread/spec*"),
        ("badge is replaced, not added", "notification.py", "s.notification[notification].badge | badge", "badge",
         "sel4/notification/send_signal/spec*"),
        ("signal stays pending", "notification.py", "    s.notification[notification].active = False\n", "",
         "sel4/notification/complete_signal/spec*"),
        ("label is lost", "message.py", "(label << 12) | length", "length", "sel4/message/do_ipc_transfer/spec*"),
        ("suspended thread repeats its instruction", "tcb.py", "== ThreadState.Running", "== ThreadState.Restart",
         "sel4/tcb/suspend/spec*"),
        ("binding is one-sided", "tcb.py", "    s.tcb[thread].bound_notification = notification\n", "",
         "sel4/tcb/bind_notification/spec*"),
        ("receiver does not block", "endpoint.py", "wait(s, thread, ThreadState.BlockedOnReceive)",
         "wait(s, thread, ThreadState.BlockedOnSend)", "sel4/endpoint/receive_ipc/spec*"),
    ],
)  # fmt: skip

MODEL = _faults(
    "executable_model/sel4",
    [
        ("enqueue forgets the back link", "schedule.py", "        s.tcb[queue.head].sched_prev = thread\n",
         "        pass\n", "sel4/schedule/tcb_sched_enqueue/spec-exec"),
        ("enqueue at the wrong end", "schedule.py", "    tcb.sched_next = queue.head\n    queue.head = thread\n",
         "    tcb.sched_next = queue.head\n    queue.end = thread\n", "sel4/schedule/tcb_sched_enqueue/spec-exec"),
        ("append to the head", "schedule.py", "    tcb.sched_prev = queue.end\n", "    tcb.sched_prev = queue.head\n",
         "sel4/schedule/tcb_sched_append/spec-exec"),
        ("dequeue keeps the flag", "schedule.py", "    tcb.queued = False\n", "", "sel4/schedule/tcb_sched_dequeue/spec-exec"),
        ("dequeue forgets the bitmap", "schedule.py", "        remove_from_bitmap(s, tcb.domain, tcb.priority)\n",
         "        pass\n", "sel4/schedule/tcb_sched_dequeue/spec-exec"),
        ("bitmap bit of the group", "schedule.py", "| (1 << (priority & 31))", "| (1 << (priority >> 3))",
         "sel4/schedule/tcb_sched_enqueue/spec-exec"),
        ("bitmap shift off by one", "schedule.py", "    group = priority >> 5\n", "    group = priority >> 6\n",
         "sel4/schedule/tcb_sched_append/spec-exec"),
        ("first level cleared too early", "schedule.py", "    if s.l2_bitmap[domain, inverted] == 0:\n", "    if True:\n",
         "sel4/schedule/tcb_sched_dequeue/spec-exec"),
        ("candidate of another domain", "schedule.py", "if s.tcb[thread].domain != s.current_domain:",
         "if s.tcb[thread].domain == s.current_domain:", "sel4/schedule/possible_switch_to/spec-exec"),
        ("domain time is not counted", "schedule.py", "    s.domain_time = s.domain_time - 1\n", "",
         "sel4/schedule/timer_tick/spec-exec"),
        ("yield does not line up behind", "schedule.py", "    tcb_sched_append(s, s.current_thread)\n    reschedule",
         "    tcb_sched_enqueue(s, s.current_thread)\n    reschedule", "sel4/schedule/handle_yield/spec-exec"),
        ("queue loses its tail", "waiting.py", "    queue.tail = thread\n", "", "sel4/notification/receive_signal/spec-exec"),
        ("removal forgets the back link", "waiting.py", "        s.tcb[after].ep_prev = before\n", "        pass\n",
         "sel4/ipc_cancel/cancel_signal/spec-exec"),
        ("empty endpoint keeps its state", "waiting.py", "        s.endpoint[endpoint].state = EndpointState.Idle\n",
         "        pass\n", "sel4/ipc_cancel/cancel_ipc/spec-exec"),
        ("cancelled thread stays blocked", "ipc_cancel.py",
         "    leave_notification(s, thread, notification)\n    set_thread_state(s, thread, ThreadState.Inactive)\n",
         "    leave_notification(s, thread, notification)\n", "sel4/ipc_cancel/cancel_signal/spec-exec"),
        ("message one word short", "message.py", "copied < MESSAGE_REGISTERS", "copied < MESSAGE_REGISTERS - 1",
         "sel4/message/do_ipc_transfer/spec-exec"),
        ("badge register is not set", "notification.py",
         "    s.tcb[thread].registers[BADGE_REGISTER] = s.notification[notification].badge\n", "",
         "sel4/notification/complete_signal/spec-exec"),
        ("priority is not changed", "tcb.py", "    s.tcb[thread].priority = priority\n", "",
         "sel4/tcb/set_priority/spec-exec"),
        ("unbinding is one-sided", "tcb.py", "        s.notification[bound].bound_thread = NULL\n", "",
         "sel4/tcb/unbind_notification/spec-exec"),
    ],
)  # fmt: skip

C = _faults(
    "impl/sel4",
    [
        ("missing null check", "src/tcb.c", "    if (bound != NULL) {\n        notification_ptr_set_ntfnBoundTCB",
         "    {\n        notification_ptr_set_ntfnBoundTCB", "sel4/tcb/unbind_notification/exec-c"),
        ("work is carried over to the next domain", "src/schedule.c", "    ksWorkUnitsCompleted = 0;\n", "",
         "sel4/schedule/schedule_choose_new_thread/exec-c"),
        ("enqueue forgets to queue", "src/schedule.c", "    thread_state_ptr_set_tcbQueued(&thread->tcbState, true);\n", "",
         "sel4/schedule/tcb_sched_enqueue/exec-c"),
        ("end is not set", "src/schedule.c", "        queue->end = thread;\n", "", "sel4/schedule/tcb_sched_enqueue/exec-c"),
        ("wrong link", "src/schedule.c", "queue->head->tcbSchedPrev = thread", "queue->head->tcbSchedNext = thread",
         "sel4/schedule/tcb_sched_enqueue/exec-c"),
        ("empty queue dereferenced", "src/schedule.c", "    if (queue->head == NULL) {\n        addToBitmap",
         "    if (queue->head != NULL) {\n        addToBitmap", "sel4/schedule/tcb_sched_enqueue/exec-c"),
        ("bitmap shift off by one", "src/schedule.c", "#define GROUP(priority) ((priority) >> 5)",
         "#define GROUP(priority) ((priority) >> 4)", "sel4/schedule/tcb_sched_append/exec-c"),
        ("bitmap bit is toggled on", "src/schedule.c", "&= ~BIT(priority & 31u)", "|= BIT(priority & 31u)",
         "sel4/schedule/tcb_sched_dequeue/exec-c"),
        ("scheduler action 1 taken for a thread", "src/schedule.c",
         "ksSchedulerAction != SchedulerAction_ResumeCurrentThread\n        && ksSchedulerAction != SchedulerAction_ChooseNewThread",
         "ksSchedulerAction != SchedulerAction_ResumeCurrentThread", "sel4/schedule/reschedule_required/exec-c"),
        ("time slice off by one", "src/schedule.c", "tcbTimeSlice > 1", "tcbTimeSlice >= 1",
         "sel4/schedule/timer_tick/exec-c"),
        ("wrong program counter", "src/schedule.c", "setRegister(ksCurThread, NextIP, getRegister(ksCurThread, FaultIP))",
         "setRegister(ksCurThread, FaultIP, getRegister(ksCurThread, NextIP))", "sel4/schedule/activate_thread/exec-c"),
        ("queue state not updated", "src/waiting.c", "        endpoint_ptr_set_state(endpoint, EPState_Idle);\n", "",
         "sel4/ipc_cancel/cancel_ipc/exec-c"),
        ("tail not updated", "src/waiting.c", "        notification_ptr_set_ntfnQueue_tail(notification, TCB_REF(before));\n", "",
         "sel4/ipc_cancel/cancel_signal/exec-c"),
        ("badge not or-ed", "src/notification.c", "notification_ptr_get_ntfnMsgIdentifier(notification) | badge", "badge",
         "sel4/notification/send_signal/exec-c"),
        ("message words miscounted", "src/message.c", "seL4_MessageInfo_set_extraCaps(info, 0)",
         "seL4_MessageInfo_set_extraCaps(info, 1)", "sel4/message/do_ipc_transfer/exec-c"),
        ("suspended thread keeps its state", "src/tcb.c", "    setThreadState(thread, ThreadState_Inactive);\n", "",
         "sel4/tcb/suspend/exec-c"),
        ("bound to nobody", "src/tcb.c", "notification_ptr_set_ntfnBoundTCB(notification, TCB_REF(thread))",
         "notification_ptr_set_ntfnBoundTCB(notification, 0)", "sel4/tcb/bind_notification/exec-c"),
    ],
)  # fmt: skip

FAULTS = [
    *SPEC,
    *MODEL,
    *C,
    *(
        fault
        for module in (capabilities, cspace)
        for folder, rows in (
            ("spec/sel4", module.SPEC),
            ("executable_model/sel4", module.MODEL),
            ("impl/sel4", module.C),
        )
        for fault in _faults(folder, rows)
    ),
]
