"""Scenarios on plain values, in the specification and in the executable model: the same story in both."""

from types import SimpleNamespace

import pytest

import executable_model.sel4.endpoint
import executable_model.sel4.ipc_cancel
import executable_model.sel4.notification
import executable_model.sel4.reply
import executable_model.sel4.schedule
import executable_model.sel4.state
import executable_model.sel4.tcb
import spec.sel4.endpoint
import spec.sel4.ipc_cancel
import spec.sel4.notification
import spec.sel4.reply
import spec.sel4.schedule
import spec.sel4.state
import spec.sel4.tcb

MODULES = ("state", "schedule", "reply", "ipc_cancel", "notification", "endpoint", "tcb")


class Kernel:
    """One layer's operations as methods, on a state of four threads, two endpoints and two notifications."""

    def __init__(self, package):
        names = {}
        for name in MODULES:
            names.update(vars(getattr(package.sel4, name)))
        self.ops = SimpleNamespace(**names)
        self.spec = package is spec
        self.s = self.ops.initial_state(threads=4, endpoints=2, notifications=2)
        self.idle = self.s.idle_thread
        self.a, self.b, self.c, self.d = (thread for thread in self.s.tcb if thread != self.idle)
        for thread in (self.a, self.b, self.c, self.d):
            self.ops.setup_reply_master(self.s, thread)
        self.ep, self.other_ep = self.ops.EndpointRef(1), self.ops.EndpointRef(2)
        self.ntfn, self.other_ntfn = self.ops.NotificationRef(1), self.ops.NotificationRef(2)

    def __getattr__(self, name):
        operation = getattr(self.ops, name)
        return lambda *arguments, **named: operation(self.s, *arguments, **named)

    def leave(self):
        """What happens at the end of each kernel entry; the thread that runs then."""
        self.ops.schedule(self.s)
        self.ops.activate_thread(self.s)
        return self.s.current_thread

    def start(self, *threads, priority=100):
        """Have these threads running, in this order: the first is the current one, the others are ready."""
        for thread in threads:
            self.s.tcb[thread].priority = priority
            self.s.tcb[thread].state = self.ops.ThreadState.Running
            self.ops.tcb_sched_append(self.s, thread)
        self.ops.reschedule_required(self.s)
        assert self.leave() == threads[0]

    def run(self, thread):
        """Give the processor to a ready thread, as if it had been its turn."""
        self.ops.tcb_sched_enqueue(self.s, self.s.current_thread)
        self.ops.switch_to_thread(self.s, thread)

    def send(self, thread, badge=0, blocking=True, call=False, can_grant=False, can_grant_reply=False):
        self.run(thread)
        self.ops.send_ipc(self.s, blocking, call, badge, can_grant, can_grant_reply, thread, self.ep)
        return self.leave()

    def receive(self, thread, blocking=True):
        self.run(thread)
        self.ops.receive_ipc(self.s, thread, self.ep, True, blocking)
        return self.leave()

    def wait(self, thread, blocking=True):
        self.run(thread)
        self.ops.receive_signal(self.s, thread, self.ntfn, blocking)
        return self.leave()

    def state(self, thread):
        return self.s.tcb[thread].state.name

    def registers(self, thread, first=0, count=6):
        return [self.s.tcb[thread].registers[number] for number in range(first, first + count)]

    def badge(self, thread):
        return self.registers(thread, 0, 1)[0]

    def write_registers(self, thread, *values):
        for number, value in enumerate(values):
            self.s.tcb[thread].registers[number] = value

    def pending(self, notification):
        """The badge that waits to be received, or None."""
        found = self.s.notification[notification]
        active = found.active if self.spec else found.state == self.ops.NotificationState.Active
        return found.badge if active else None

    def order(self):
        """The threads in the order in which they get the processor when each stops in its turn."""
        result = []
        while self.s.current_thread != self.idle:
            result.append(self.s.current_thread)
            self.ops.suspend(self.s, self.s.current_thread)
            self.leave()
        return result


@pytest.fixture(params=[spec, executable_model], ids=["spec", "exec"])
def kernel(request):
    return Kernel(request.param)


def test_in_the_beginning_the_idle_thread_runs(kernel):
    assert kernel.leave() == kernel.idle
    kernel.timer_tick()
    assert kernel.leave() == kernel.idle
    assert kernel.state(kernel.idle) == "IdleThreadState"


def test_resume_starts_a_thread_at_its_instruction(kernel):
    kernel.s.tcb[kernel.a].registers[kernel.ops.FAULT_IP] = 0x8000
    kernel.restart(kernel.a)
    assert kernel.state(kernel.a) == "Restart"
    assert kernel.leave() == kernel.a
    assert kernel.state(kernel.a) == "Running"
    assert kernel.s.tcb[kernel.a].registers[kernel.ops.NEXT_IP] == 0x8000


def test_resume_of_a_runnable_thread_does_nothing(kernel):
    kernel.start(kernel.a, kernel.b)
    kernel.restart(kernel.b)
    assert kernel.leave() == kernel.a
    assert kernel.order() == [kernel.a, kernel.b]


def test_senders_are_received_from_in_order_of_arrival_whatever_their_priority(kernel):
    kernel.start(kernel.d, kernel.a, kernel.b, kernel.c)
    for priority, thread in enumerate((kernel.b, kernel.a, kernel.c)):
        kernel.s.tcb[thread].registers[2] = 1000 + priority
        kernel.s.tcb[thread].registers[1] = 1
        kernel.send(thread, badge=priority + 7)
        kernel.set_priority(thread, 50 + priority)
    for priority in range(3):
        kernel.receive(kernel.d)
        assert kernel.registers(kernel.d, 0, 3) == [priority + 7, 1, 1000 + priority]
    assert [kernel.state(thread) for thread in (kernel.a, kernel.b, kernel.c)] == ["Running"] * 3


def test_receivers_are_served_in_order_of_arrival(kernel):
    kernel.start(kernel.a, kernel.b, kernel.c, kernel.d)
    kernel.receive(kernel.c)
    kernel.receive(kernel.b)
    kernel.send(kernel.a, badge=1)
    assert (kernel.state(kernel.c), kernel.state(kernel.b)) == ("Running", "BlockedOnReceive")
    kernel.send(kernel.a, badge=2)
    assert (kernel.badge(kernel.c), kernel.badge(kernel.b)) == (1, 2)


def test_a_message_has_four_words_at_most_and_no_capabilities(kernel):
    kernel.start(kernel.a, kernel.b)
    kernel.write_registers(kernel.b, 91, 92, 93, 94, 95, 96)
    kernel.receive(kernel.b)
    kernel.write_registers(kernel.a, 0, (0x5A5 << 12) | (0b101 << 9) | (2 << 7) | 9, 1, 2, 3, 4)
    kernel.send(kernel.a, badge=6)
    assert kernel.registers(kernel.b) == [6, (0x5A5 << 12) | 4, 1, 2, 3, 4]


def test_registers_above_the_length_keep_their_contents(kernel):
    kernel.start(kernel.a, kernel.b)
    kernel.write_registers(kernel.b, 91, 92, 93, 94, 95, 96)
    kernel.receive(kernel.b)
    kernel.write_registers(kernel.a, 0, (1 << 12) | 2, 1, 2, 3, 4)
    kernel.send(kernel.a, badge=6)
    assert kernel.registers(kernel.b) == [6, (1 << 12) | 2, 1, 2, 95, 96]


def test_a_nonblocking_send_without_a_receiver_is_lost(kernel):
    kernel.start(kernel.a, kernel.b)
    assert kernel.send(kernel.a, blocking=False) == kernel.a
    kernel.write_registers(kernel.b, 91, 92)
    assert kernel.receive(kernel.b, blocking=False) == kernel.b
    assert kernel.registers(kernel.b, 0, 2) == [0, 92]


@pytest.mark.parametrize("receiver_first", [True, False])
@pytest.mark.parametrize(
    ("can_grant", "can_grant_reply", "state"),
    [
        (False, False, "Inactive"),
        (True, False, "BlockedOnReply"),
        (False, True, "BlockedOnReply"),
    ],
)
def test_a_call_waits_for_the_reply_if_its_capability_may_grant_one(
    kernel, receiver_first, can_grant, can_grant_reply, state
):
    kernel.start(kernel.a, kernel.b)
    if receiver_first:
        kernel.receive(kernel.b)
    kernel.send(kernel.a, badge=3, call=True, can_grant=can_grant, can_grant_reply=can_grant_reply)
    if not receiver_first:
        assert kernel.state(kernel.a) == "BlockedOnSend"
        kernel.receive(kernel.b)
    assert kernel.state(kernel.a) == state
    assert kernel.s.current_thread == kernel.b
    assert kernel.badge(kernel.b) == 3


def test_a_receiver_of_higher_priority_runs_at_once_one_of_lower_does_not(kernel):
    kernel.start(kernel.a, kernel.b)
    kernel.receive(kernel.b)
    kernel.set_priority(kernel.b, 200)
    assert kernel.send(kernel.a) == kernel.b
    kernel.set_priority(kernel.b, 20)
    assert kernel.receive(kernel.b) == kernel.a
    assert kernel.send(kernel.a) == kernel.a


def test_badges_of_signals_are_ored_until_someone_asks(kernel):
    kernel.start(kernel.a)
    kernel.send_signal(kernel.ntfn, 0b0101)
    kernel.send_signal(kernel.ntfn, 0b0110)
    assert kernel.pending(kernel.ntfn) == 0b0111
    kernel.write_registers(kernel.a, 91, 92)
    kernel.wait(kernel.a)
    assert kernel.registers(kernel.a, 0, 2) == [0b0111, 92]
    assert kernel.pending(kernel.ntfn) is None
    kernel.wait(kernel.a, blocking=False)
    assert kernel.registers(kernel.a, 0, 2) == [0, 92]
    kernel.send_signal(kernel.ntfn, 0b1000)
    assert kernel.pending(kernel.ntfn) == 0b1000


def test_a_signal_wakes_the_thread_that_has_waited_longest(kernel):
    kernel.start(kernel.a, kernel.b, kernel.c)
    kernel.wait(kernel.c)
    kernel.wait(kernel.b)
    kernel.send_signal(kernel.ntfn, 5)
    kernel.leave()
    assert (kernel.state(kernel.c), kernel.badge(kernel.c)) == ("Running", 5)
    assert kernel.state(kernel.b) == "BlockedOnNotification"
    assert kernel.pending(kernel.ntfn) is None


def test_woken_threads_of_lower_priority_run_in_reverse_order(kernel):
    kernel.start(kernel.a, kernel.b, kernel.c, kernel.d)
    for thread in (kernel.b, kernel.c, kernel.d):
        kernel.wait(thread)
        kernel.set_priority(thread, 50)
    for _ in range(3):
        kernel.send_signal(kernel.ntfn, 1)
        assert kernel.leave() == kernel.a
    assert kernel.order() == [kernel.a, kernel.d, kernel.c, kernel.b]


def test_woken_threads_of_the_running_priority_line_up_behind(kernel):
    kernel.start(kernel.a, kernel.b, kernel.c, kernel.d)
    for thread in (kernel.b, kernel.c, kernel.d):
        kernel.wait(thread)
    for _ in range(3):
        kernel.send_signal(kernel.ntfn, 1)
        assert kernel.leave() == kernel.a
    assert kernel.order() == [kernel.a, kernel.b, kernel.c, kernel.d]


def test_resumed_threads_of_the_running_priority_run_last_resumed_first(kernel):
    kernel.start(kernel.a)
    for thread in (kernel.b, kernel.c, kernel.d):
        kernel.s.tcb[thread].priority = 100
        kernel.restart(thread)
        assert kernel.leave() == kernel.a
    assert kernel.order() == [kernel.a, kernel.d, kernel.c, kernel.b]


def test_two_threads_woken_in_one_kernel_entry_both_become_ready(kernel):
    kernel.start(kernel.a, kernel.b, kernel.c)
    kernel.wait(kernel.b)
    kernel.wait(kernel.c)
    kernel.set_priority(kernel.b, 150)
    kernel.set_priority(kernel.c, 150)
    kernel.send_signal(kernel.ntfn, 1)
    kernel.send_signal(kernel.ntfn, 2)
    assert kernel.leave() == kernel.c
    assert kernel.order() == [kernel.c, kernel.b, kernel.a]


def test_a_bound_notification_interrupts_receiving(kernel):
    kernel.start(kernel.a, kernel.b)
    kernel.bind_notification(kernel.b, kernel.ntfn)
    kernel.receive(kernel.b)
    kernel.send_signal(kernel.ntfn, 9)
    kernel.leave()
    assert (kernel.state(kernel.b), kernel.badge(kernel.b)) == ("Running", 9)
    assert kernel.pending(kernel.ntfn) is None
    kernel.send(kernel.a, blocking=False)
    assert kernel.badge(kernel.b) == 9


def test_a_pending_bound_notification_comes_before_senders(kernel):
    kernel.start(kernel.b, kernel.a)
    kernel.bind_notification(kernel.b, kernel.ntfn)
    kernel.send(kernel.a, badge=4)
    kernel.send_signal(kernel.ntfn, 9)
    kernel.receive(kernel.b)
    assert (kernel.badge(kernel.b), kernel.state(kernel.a)) == (9, "BlockedOnSend")
    kernel.receive(kernel.b)
    assert (kernel.badge(kernel.b), kernel.state(kernel.a)) == (4, "Running")


def test_a_bound_thread_that_sends_is_not_disturbed(kernel):
    kernel.start(kernel.a, kernel.b)
    kernel.bind_notification(kernel.b, kernel.ntfn)
    kernel.send(kernel.b)
    kernel.send_signal(kernel.ntfn, 9)
    assert kernel.state(kernel.b) == "BlockedOnSend"
    assert kernel.pending(kernel.ntfn) == 9


def test_unbound_signals_do_not_interrupt_receiving(kernel):
    kernel.start(kernel.a, kernel.b)
    kernel.bind_notification(kernel.b, kernel.ntfn)
    kernel.unbind_notification(kernel.b)
    kernel.unbind_notification(kernel.b)
    kernel.receive(kernel.b)
    kernel.send_signal(kernel.ntfn, 9)
    assert kernel.state(kernel.b) == "BlockedOnReceive"
    assert kernel.pending(kernel.ntfn) == 9


def test_yield_goes_round(kernel):
    kernel.start(kernel.a, kernel.b, kernel.c)
    seen = []
    for _ in range(4):
        kernel.handle_yield()
        seen.append(kernel.leave())
    assert seen == [kernel.b, kernel.c, kernel.a, kernel.b]


def test_a_time_slice_has_five_ticks(kernel):
    kernel.start(kernel.a, kernel.b)
    seen = []
    for _ in range(11):
        kernel.timer_tick()
        seen.append(kernel.leave())
    assert seen == [kernel.a] * 4 + [kernel.b] * 5 + [kernel.a] * 2
    assert kernel.s.domain_time == 1000 - 11


def test_domains_follow_the_schedule(kernel):
    kernel.start(kernel.a)
    entry = kernel.ops.DomainEntry
    kernel.s.domain_schedule[0] = entry(domain=0, duration=2)
    kernel.s.domain_schedule[1] = entry(domain=3, duration=1)
    kernel.s.domain_time = 2
    kernel.s.tcb[kernel.b].domain = 3
    kernel.restart(kernel.b)
    seen = []
    for _ in range(6):
        kernel.timer_tick()
        seen.append((kernel.leave(), kernel.s.current_domain))
    assert seen == [(kernel.a, 0), (kernel.b, 3), (kernel.a, 0)] * 2
    kernel.suspend(kernel.b)
    kernel.timer_tick()
    kernel.timer_tick()
    assert (kernel.leave(), kernel.s.current_domain) == (kernel.idle, 3)


def test_suspending_a_waiting_thread_takes_it_out_of_the_order(kernel):
    kernel.start(kernel.d, kernel.a, kernel.b, kernel.c)
    for badge, thread in enumerate((kernel.a, kernel.b, kernel.c)):
        kernel.send(thread, badge=badge)
    kernel.suspend(kernel.b)
    assert kernel.state(kernel.b) == "Inactive"
    kernel.receive(kernel.d)
    assert kernel.badge(kernel.d) == 0
    kernel.receive(kernel.d)
    assert kernel.badge(kernel.d) == 2


def test_suspending_a_running_thread_lets_it_go_on_where_it_was(kernel):
    kernel.start(kernel.a, kernel.b)
    kernel.s.tcb[kernel.b].registers[kernel.ops.NEXT_IP] = 0x104
    kernel.suspend(kernel.b)
    kernel.restart(kernel.b)
    assert kernel.s.tcb[kernel.b].registers[kernel.ops.FAULT_IP] == 0x104


def test_a_thread_that_waits_for_a_reply_still_does_after_cancel(kernel):
    kernel.start(kernel.a, kernel.b)
    kernel.receive(kernel.b)
    kernel.send(kernel.a, call=True, can_grant=True)
    kernel.cancel_ipc(kernel.a)
    assert kernel.state(kernel.a) == "BlockedOnReply"


def test_all_that_wait_on_an_endpoint_restart_last_one_first(kernel):
    kernel.start(kernel.d, kernel.a, kernel.b, kernel.c)
    for thread in (kernel.a, kernel.b, kernel.c):
        kernel.receive(thread)
    kernel.cancel_all_ipc(kernel.ep)
    assert [kernel.state(thread) for thread in (kernel.a, kernel.b, kernel.c)] == ["Restart"] * 3
    assert kernel.leave() == kernel.d
    assert kernel.order() == [kernel.d, kernel.c, kernel.b, kernel.a]


def test_only_sends_with_the_badge_are_cancelled(kernel):
    kernel.start(kernel.d, kernel.a, kernel.b, kernel.c)
    for thread, badge in ((kernel.a, 1), (kernel.b, 2), (kernel.c, 1)):
        kernel.send(thread, badge=badge)
    kernel.cancel_badged_sends(kernel.ep, 1)
    assert kernel.leave() == kernel.d
    assert [kernel.state(thread) for thread in (kernel.a, kernel.b, kernel.c)] == [
        "Restart",
        "BlockedOnSend",
        "Restart",
    ]
    kernel.receive(kernel.d)
    assert kernel.badge(kernel.d) == 2


def test_cancelling_badged_sends_leaves_receivers_alone(kernel):
    kernel.start(kernel.d, kernel.a)
    kernel.receive(kernel.a)
    kernel.cancel_badged_sends(kernel.ep, 0)
    assert kernel.state(kernel.a) == "BlockedOnReceive"
    assert kernel.s.scheduler_action.name == "ResumeCurrentThread"


def test_all_that_wait_on_a_notification_restart(kernel):
    kernel.start(kernel.d, kernel.a, kernel.b)
    kernel.wait(kernel.a)
    kernel.wait(kernel.b)
    kernel.cancel_all_signals(kernel.other_ntfn)
    assert kernel.s.scheduler_action.name == "ResumeCurrentThread"
    kernel.cancel_all_signals(kernel.ntfn)
    assert kernel.leave() == kernel.d
    assert kernel.order() == [kernel.d, kernel.b, kernel.a]


def test_lowering_the_running_threads_priority_lets_others_run(kernel):
    kernel.start(kernel.a, kernel.b)
    kernel.set_priority(kernel.a, 99)
    assert kernel.leave() == kernel.b
    kernel.set_priority(kernel.a, 101)
    assert kernel.leave() == kernel.a


def test_a_woken_thread_of_another_domain_only_becomes_ready(kernel):
    kernel.start(kernel.a)
    kernel.s.tcb[kernel.b].domain = 5
    kernel.s.tcb[kernel.b].priority = 255
    kernel.restart(kernel.b)
    assert kernel.leave() == kernel.a
    assert kernel.s.tcb[kernel.b].queued
