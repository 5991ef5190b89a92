"""The state of the executable model: the kernel's own data structures.

Threads that wait on an endpoint or notification, and threads that are ready to run, form doubly linked
lists through the thread control blocks; two levels of bitmaps tell which ready queues are not empty.
Capabilities are in slots, which form doubly linked lists too.  No address spaces and no interrupts yet, and nobody
handles faults.  Names and numbers are seL4's, for ARM in its non-MCS configuration with 16 domains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from executable_model.sel4.capability import Cap
from refinement.logic import NULL, Array, Enumeration, Objects, Ref, Table, Word, Word64, reference

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
TIME_SLICE = 5
"""Timer ticks that a thread runs before others of its priority have their turn."""
DOMAIN_SCHEDULE_LENGTH = 100
"""Entries of the domain schedule; the last one is always an end marker."""

WORD_BITS = 32
ALL_ONES = (1 << WORD_BITS) - 1
L2_BITMAP_SIZE = NUM_PRIORITIES // WORD_BITS
"""Words of the second-level bitmap of a domain: a bit for each priority."""

CAP_REGISTER = 0
BADGE_REGISTER = 0
"""r0 has the address of the capability that a system call is about; what is received comes with a badge there."""
MESSAGE_INFO_REGISTER = 1
FIRST_MESSAGE_REGISTER = 2
MESSAGE_REGISTERS = 4
"""Message words that travel in registers, r2 to r5."""
SP = 13
LR = 14
NEXT_IP = 15
"""Where the thread goes on when it is next in user mode."""
CPSR = 16
USER_CPSR = 0x50
"""What a new thread has in that register: user mode, without fast interrupts."""
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
"""The word of an IPC buffer that is word 0 of the message; those that travel in registers are not there."""
BUFFER_CAPS = 122
"""The word of an IPC buffer that is the address of the first extra capability."""
MAX_MESSAGE_LENGTH = 120
WORK_UNITS_LIMIT = 100
"""How many units of work a long operation does until the kernel looks for pending interrupts."""


class ThreadState(Enumeration):
    """What a thread does or waits for; the numbers are those of the packed thread state."""

    Inactive = 0
    Running = 1
    Restart = 2
    BlockedOnReceive = 3
    BlockedOnSend = 4
    BlockedOnReply = 5
    BlockedOnNotification = 6
    IdleThreadState = 7


class EndpointState(Enumeration):
    """Who is in an endpoint's queue: nobody, senders, or receivers."""

    Idle = 0
    Send = 1
    Recv = 2


class NotificationState(Enumeration):
    """Nothing to tell, threads in the queue, or a badge that nobody has received yet."""

    Idle = 0
    Waiting = 1
    Active = 2


class SchedulerAction(Enumeration):
    """What `schedule` shall do when the kernel is about to leave."""

    ResumeCurrentThread = 0
    ChooseNewThread = 1
    SwitchToThread = 2


@define
class Thread:
    """A thread control block."""

    state: ThreadState = ThreadState.Inactive
    priority: Word = 0
    domain: Word = 0
    time_slice: Word = TIME_SLICE
    """Timer ticks left."""
    endpoint: EndpointRef = NULL
    """Where it is blocked; stale unless BlockedOnSend or BlockedOnReceive."""
    notification: NotificationRef = NULL
    """Where it is blocked; stale unless BlockedOnNotification."""
    badge: Word = 0
    """The badge it sends with, `is_call` and `can_grant_reply` likewise; stale unless BlockedOnSend."""
    can_grant: bool = False
    """Whether the capability it is blocked with has the grant right; stale unless BlockedOnSend or BlockedOnReceive."""
    can_grant_reply: bool = False
    is_call: bool = False
    ep_next: ThreadRef = NULL
    ep_prev: ThreadRef = NULL
    """The neighbours in the queue of the endpoint or notification it waits on."""
    mcp: Word = 0
    """The highest priority that it may give to a thread."""
    fault_handler: Word = 0
    """The address of the capability to its fault handler, in its own capability space."""
    ipc_buffer: Word = 0
    """The virtual address of its IPC buffer."""
    bound_notification: NotificationRef = NULL
    queued: bool = False
    """Whether it is in the ready queue of its domain and priority."""
    sched_next: ThreadRef = NULL
    sched_prev: ThreadRef = NULL
    """The neighbours in the ready queue."""
    registers: Array[Word, Word] = field(factory=Array)


@define
class Endpoint:
    """An endpoint: a queue either of senders or of receivers, first come first served."""

    state: EndpointState = EndpointState.Idle
    head: ThreadRef = NULL
    tail: ThreadRef = NULL


@define
class Notification:
    """A notification: a queue of waiting threads or a badge, and the thread bound to it."""

    state: NotificationState = NotificationState.Idle
    head: ThreadRef = NULL
    tail: ThreadRef = NULL
    badge: Word = 0
    """The signals' badges, or-ed; keeps its last value, stale, unless Active."""
    bound_thread: ThreadRef = NULL


@define
class ReadyQueue:
    """The ready threads of one domain and priority; the head runs next."""

    head: ThreadRef = NULL
    end: ThreadRef = NULL


@define
class Slot:
    """A slot (capability table entry): a capability, and its node of the derivation list (mapping database)."""

    cap: Cap = field(factory=Cap)
    next: SlotRef = NULL
    prev: SlotRef = NULL
    revocable: bool = False
    """Whether it can have children."""
    first_badged: bool = False
    """Whether it is the first one with its badge, so that it is no child of one that has the same badge."""


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
    ready_queue: Table[tuple[Word, Word], ReadyQueue] = field(factory=lambda: Table(ReadyQueue))
    """By domain and priority."""
    l1_bitmap: Array[Word, Word] = field(factory=Array)
    """By domain: bit g is set when some queue of priorities 32 g .. 32 g + 31 is not empty."""
    l2_bitmap: Array[tuple[Word, Word], Word] = field(factory=Array)
    """By domain and inverted group 7 - g: bit b is set when the queue of priority 32 g + b is not empty."""
    scheduler_action: SchedulerAction = SchedulerAction.ResumeCurrentThread
    candidate: ThreadRef = NULL
    """The thread to switch to; stale unless the action is SwitchToThread."""
    current_domain: Word = 0
    domain_time: Word64 = 0
    """Timer ticks left to the current domain."""
    domain_index: Word = 0
    """The entry of the schedule that is being followed."""
    domain_start: Word = 0
    """The entry that follows an end marker."""
    domain_schedule: Table[Word, DomainEntry] = field(factory=lambda: Table(DomainEntry))
    work_units: Word = 0
    """Work done since the kernel last looked for pending interrupts in the middle of a long operation."""
    interrupt_pending: bool = False


def initial_state(threads: int = 0, endpoints: int = 0, notifications: int = 0, domain_time: int = 1000) -> State:
    """A state in which only the idle thread, number 1, runs.

    Beside it there are `threads` inactive threads with empty slots, one behind the other from address 0x200 on, and
    idle endpoints and notifications, numbered from 1.  The domain schedule is domain 0 for `domain_time` ticks, over
    and over.
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
