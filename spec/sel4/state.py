"""The abstract state of the kernel: its objects and what is true of them, not how that is kept.

There are no queues here.  That a thread waits on an endpoint is something the thread knows, and *in which
order* threads wait is told by the ticket each of them drew on arrival.  No address spaces and no interrupts yet, and
nobody handles faults.  Names are those of the seL4 manual; numbers are for ARM with 16 domains, non-MCS.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from attrs import define, field

from refinement.logic import NULL, Array, Enumeration, Objects, Ref, Table, Word, Word64, reference
from spec.sel4.capability import Cap

if TYPE_CHECKING:

    class ThreadRef(Ref):
        """A reference to a thread."""

    class EndpointRef(Ref):
        """A reference to an endpoint."""

    class NotificationRef(Ref):
        """A reference to a notification."""

    class SlotRef(Ref):
        """A reference to a slot for a capability: its address."""

    class UserDataRef(Ref):
        """A reference to 4 KiB of memory that users can have mapped: its address."""
else:
    ThreadRef = reference("tcb")
    EndpointRef = reference("endpoint")
    NotificationRef = reference("notification")
    SlotRef = reference("slot")
    UserDataRef = reference("user_data")

NUM_DOMAINS = 16
NUM_PRIORITIES = 256
"""Priorities go from 0 to 255; the highest that is ready runs."""
TIME_SLICE = 5
"""Timer ticks that a thread runs before others of its priority have their turn."""
DOMAIN_SCHEDULE_LENGTH = 100
"""Entries of the domain schedule; the last one is always an end marker."""

CAP_REGISTER = 0
"""r0 has the address of the capability that a system call is about."""
BADGE_REGISTER = 0
"""r0 tells a receiver with which badge the message or signal was sent."""
MESSAGE_INFO_REGISTER = 1
"""r1 describes the message: its label and its length."""
FIRST_MESSAGE_REGISTER = 2
MESSAGE_REGISTERS = 4
"""The message words that travel in registers, r2 to r5."""
SP = 13
LR = 14
NEXT_IP = 15
"""Where the thread goes on when it is next in user mode."""
CPSR = 16
USER_CPSR = 0x50
"""The processor's status with which a thread begins: user mode, without fast interrupts."""
FAULT_IP = 17
"""The instruction with which the thread entered the kernel."""
TPIDRURW = 18
TPIDRURO = 19

SLOT_BITS = 4
"""A slot has 16 bytes."""
THREAD_BITS = 9
"""A thread has 512 bytes: 16 slots, of which five are in use, and from byte 256 on the thread control block."""
THREAD_OFFSET = 0x100
CSPACE_ROOT = 0
VSPACE_ROOT = 1
REPLY_SLOT = 2
CALLER_SLOT = 3
IPC_BUFFER_SLOT = 4
THREAD_SLOTS = 5
"""The slots of a thread: the roots of its capability and address space, its own reply capability, the one to answer
the thread that called it last, and its IPC buffer."""
PAGE_BITS = 12
IPC_BUFFER_BITS = 9
BUFFER_MESSAGE = 1
"""The word of an IPC buffer with word 0 of the message.  Those that travel in registers are not put there."""
BUFFER_CAPS = 122
"""The word of an IPC buffer with the address of the first capability that the message names."""
MAX_MESSAGE_LENGTH = 120
MAX_EXTRA_CAPS = 3


class ThreadState(Enumeration):
    """What a thread does or waits for."""

    Inactive = 0
    """Stopped, until someone resumes it."""
    Running = 1
    """Able to run: the current thread, or ready."""
    Restart = 2
    """Able to run, and about to repeat the instruction by which it entered the kernel."""
    BlockedOnReceive = 3
    """Waiting for a message through `endpoint`."""
    BlockedOnSend = 4
    """Waiting for someone to take its message through `endpoint`."""
    BlockedOnReply = 5
    """Has made a call that was received, and waits for the answer."""
    BlockedOnNotification = 6
    """Waiting for a signal of `notification`."""
    IdleThreadState = 7
    """The idle thread, which runs when nobody else can."""


class SchedulerAction(Enumeration):
    """What the kernel will do about the current thread before it leaves."""

    ResumeCurrentThread = 0
    """Go on with it."""
    ChooseNewThread = 1
    """Choose among all that are ready."""
    SwitchToThread = 2
    """Switch to the candidate, unless a better choice is ready."""


@define
class Thread:
    """A thread."""

    state: ThreadState = ThreadState.Inactive
    priority: Word = 0
    domain: Word = 0
    time_slice: Word = TIME_SLICE
    """Timer ticks left until others of its priority have their turn."""
    endpoint: EndpointRef = NULL
    """Where it is BlockedOnSend or BlockedOnReceive; else it means nothing."""
    notification: NotificationRef = NULL
    """Where it is BlockedOnNotification; else it means nothing."""
    badge: Word = 0
    """The badge its message will arrive with while BlockedOnSend; likewise `is_call` and `can_grant_reply`."""
    can_grant: bool = False
    """Whether the capability it is BlockedOnSend or BlockedOnReceive with has the grant right."""
    can_grant_reply: bool = False
    """Whether the capability it is BlockedOnSend with has the grant-reply right."""
    is_call: bool = False
    """Whether it will wait for a reply once its message is taken."""
    since: int = 0
    """Its ticket while it waits on an endpoint or notification: of two, the smaller has waited longer."""
    mcp: Word = 0
    """The highest priority that it may give to a thread."""
    fault_handler: Word = 0
    """The address of the capability to its fault handler, in its own capability space."""
    ipc_buffer: Word = 0
    """The virtual address of its IPC buffer."""
    bound_notification: NotificationRef = NULL
    """The notification whose signals also reach it while BlockedOnReceive."""
    queued: bool = False
    """Whether it is ready: waiting for the processor."""
    place: int = 0
    """Its place among the ready threads of its domain and priority: the smallest runs next."""
    registers: Array[Word, Word] = field(factory=Array)


@define
class Endpoint:
    """A place where senders and receivers meet.  It has no content: who waits there, the threads know."""


@define
class Notification:
    """A word of flags to be signalled and waited for."""

    active: bool = False
    """Whether it was signalled and nobody has taken the badge yet."""
    badge: Word = 0
    """While active, the badges of all signals since, or-ed together."""
    bound_thread: ThreadRef = NULL
    """The thread it is bound to."""


@define
class Slot:
    """A place that holds a capability, and its place among all that were derived of each other.

    Capabilities of one `family` have a common origin.  A capability was derived, directly or not, from those of its
    family within whose interval, from `position` to `end`, its own position lies.
    """

    cap: Cap = field(factory=Cap)
    is_original: bool = False
    """Whether it can have children: it was not just copied."""
    family: int = 0
    position: Fraction = Fraction(0)
    end: Fraction = Fraction(0)


@define
class UserData:
    """4 KiB of memory that users can have mapped."""

    words: Array[Word, Word] = field(factory=Array)


@define
class DomainEntry:
    """A domain and for how many ticks it runs; domain 0 for 0 ticks marks the schedule's end."""

    domain: Word = 0
    duration: Word64 = 0


@define
class State:
    """The whole state of the kernel."""

    tcb: Objects[ThreadRef, Thread]
    endpoint: Objects[EndpointRef, Endpoint]
    notification: Objects[NotificationRef, Notification]
    current_thread: ThreadRef
    idle_thread: ThreadRef
    slot: Objects[SlotRef, Slot] = field(factory=Objects)
    user_data: Objects[UserDataRef, UserData] = field(factory=Objects)
    scheduler_action: SchedulerAction = SchedulerAction.ResumeCurrentThread
    candidate: ThreadRef = NULL
    """The thread to switch to; means nothing unless the action is SwitchToThread."""
    current_domain: Word = 0
    """Only threads of this domain run."""
    domain_time: Word64 = 0
    """Timer ticks left to the current domain."""
    domain_index: Word = 0
    """The entry of the schedule that is being followed."""
    domain_start: Word = 0
    """The entry that follows an end marker."""
    domain_schedule: Table[Word, DomainEntry] = field(factory=lambda: Table(DomainEntry))
    interrupt_pending: bool = False
    """Whether a device waits to be heard: long operations may then be interrupted, to be taken up again later."""
    families: int = 0
    """The number of the next family of capabilities."""
    now: int = 0
    """The next ticket.  Tickets only tell an order; nothing can be learnt from their values."""


def initial_state(threads: int = 0, endpoints: int = 0, notifications: int = 0, domain_time: int = 1000) -> State:
    """A state in which only the idle thread, number 1, runs.

    Beside it there are `threads` inactive threads with empty slots, one behind the other from address 0x200 on, and
    endpoints and notifications, numbered from 1, where nobody waits.  The domain schedule is domain 0 for `domain_time`
    ticks, over and over.
    """
    idle = ThreadRef(1)
    tcb = Objects({idle: Thread(state=ThreadState.IdleThreadState)})
    slot: Objects[SlotRef, Slot] = Objects()
    for start in range(1 << THREAD_BITS, (threads + 1) << THREAD_BITS, 1 << THREAD_BITS):
        tcb[ThreadRef(start + THREAD_OFFSET)] = Thread()
        slot.update({SlotRef(start + (index << SLOT_BITS)): Slot() for index in range(THREAD_SLOTS)})
    state = State(
        tcb=tcb,
        endpoint=Objects({EndpointRef(number): Endpoint() for number in range(1, endpoints + 1)}),
        notification=Objects({NotificationRef(number): Notification() for number in range(1, notifications + 1)}),
        current_thread=idle,
        idle_thread=idle,
        slot=slot,
        domain_time=domain_time,
    )
    state.domain_schedule[0] = DomainEntry(domain=0, duration=domain_time)
    return state
