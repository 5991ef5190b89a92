"""C as a layer of proofs: symbolic states, operations on them, guards, loops; checked by Z3."""

import pytest

from executable_model.sel4.state import EndpointState, SchedulerAction, ThreadState
from impl.c.layer import CLayer
from impl.c.view import address_of, to_member, to_reference
from impl.sel4.program import layer
from refinement import context, terms
from refinement.explore import Cut, Explorer, ProofError
from refinement.logic import NULL, all_of, iff, implies, negate, one_of
from refinement.schema import MACHINE, MATHEMATICAL
from refinement.smt import Solver
from refinement.state import exists
from refinement.values import Bool, SymbolicEnum, SymbolicRef, Word, term_of_truth

TINY = """
typedef struct node node_t;
struct node { word_t value; word_t many[4]; node_t *next; };
struct packet { word_t words[1]; };
word_t total;
node_t *first;
word_t table[2][8];

void store(node_t *node, word_t value) { node->value = value; }
void swap(node_t *a, node_t *b) { word_t v = a->value; a->value = b->value; b->value = v; }
void follow(node_t *node) { node->next->value = 1; }
void follow_safely(node_t *node) { if (node->next != NULL) { node->next->value = 1; } }
void put(node_t *node, word_t index) { node->many[index] = 5; }
void clear(void) { first = NULL; total = 0; }
void flag(word_t on) { total = on ? 10 : 20; }
void scatter(word_t row, word_t column) { table[row][column] = table[column][row]; }
void stray(word_t address) { ((struct packet *)(uintptr_t)address)->words[0] = 1; }
word_t drop(node_t *node) { if (node == NULL) { __builtin_unreachable(); } return node->value; }
void copy(node_t *a, node_t *b, word_t count) {
    for (word_t i = 0; i < count && i < 4; i++) { a->many[i] = b->many[i]; }
}
void spin(word_t count) { while (total < count) { total++; } }
void walk(node_t *node) {
    word_t steps = 0;
    while (node != NULL) {
        node->value = 0;
        steps = steps + 1;
        node = node->next;
    }
    total = steps;
}
"""
OPERATIONS = ("store", "swap", "follow", "follow_safely", "put", "clear", "flag", "scatter", "stray", "drop", "copy",
              "spin", "walk")  # fmt: skip


@pytest.fixture
def tiny(program_of):
    return CLayer(program_of(TINY), {"node": "node"}, {}, {name: name for name in OPERATIONS})


@pytest.fixture
def kernel():
    return layer(
        [
            "set_thread_state",
            "possible_switch_to",
            "leave_endpoint",
            "do_ipc_transfer",
            "next_domain",
            "cancel_all_ipc",
        ],
        {},
    )


class Explored:
    """All paths of an operation from a state of unknown content."""

    def __init__(self, layer, operation, arguments, assume=None, loops=None):
        self.solver = Solver(20_000_000, 20.0)
        self.before = layer.fresh(MACHINE, "")
        self.paths = 0
        self.results = []
        self.layer, self.operation, self.arguments, self.assume, self.loops = layer, operation, arguments, assume, loops

    def __iter__(self):
        """Gives (run, state afterwards, the Cut that ended the path or the result) for every path."""

        def body(run):
            state = self.before.copy()
            run.loops = self.loops
            if self.assume is not None:
                with run.statement():
                    run.assume(term_of_truth(self.assume(self.before)))
            try:
                end = self.layer.call(run, state, self.operation, self.arguments)
            except Cut as cut:
                end = cut
            return run, state, end

        for run, state, end in Explorer(self.solver).explore(body):
            self.paths += 1
            before = context.enter(run)
            try:
                yield run, state, end
            finally:
                context.enter(before)

    def proved(self, claim):
        """Whether a claim holds on the present path."""
        return self.solver.check([terms.negate(term_of_truth(claim))]) == "unsat"

    def all_guards(self, run):
        return all(self.solver.check([terms.negate(guard.condition)]) == "unsat" for guard in run.guards)


def ref(kind, name):
    return SymbolicRef(kind, terms.variable(name, terms.bit_vector(32)))


def word(name):
    return Word(terms.variable(name, terms.bit_vector(32)))


def test_store_changes_one_object(tiny):
    a, b, value = ref("node", "a"), ref("node", "b"), word("value")
    explored = Explored(tiny, "store", {"node": a, "value": value})
    for run, c, _ in explored:
        assert explored.proved(c.node[a].value == value)
        assert explored.proved(implies(a != b, c.node[b].value == explored.before.node[b].value))
        assert not explored.proved(c.node[b].value == explored.before.node[b].value)
        assert explored.proved(c.node[a].next == explored.before.node[a].next)
        assert tiny.written(c) == {"c:node_t.value"}
        assert [guard.what for guard in run.guards] == ["the pointer is to a live node_t"]
        assert run.guards[0].layer == "c"
        assert (a.term,) in run.footprint["node"]
    assert explored.paths == 1


def test_swap_of_the_same_object(tiny):
    a, b = ref("node", "a"), ref("node", "b")
    explored = Explored(tiny, "swap", {"a": a, "b": b})
    for _, c, _ in explored:
        assert explored.proved(c.node[a].value == explored.before.node[b].value)
        assert explored.proved(c.node[b].value == explored.before.node[a].value)


def test_null_dereference_is_a_guard_that_does_not_hold(tiny):
    a = ref("node", "a")
    explored = Explored(tiny, "follow", {"node": a}, lambda c: c.exists("node", a))
    for run, _, _ in explored:
        (guard,) = run.guards
        assert guard.what == "the pointer is to a live node_t"
        assert not explored.proved(Bool(guard.condition))
        model = explored.solver.model([terms.equal(explored.before.node[a].next.term, terms.bits(0, 32))])
        assert model is not None
        assert model.value(guard.condition) == 0


@pytest.mark.parametrize("invariant", [True, False])
def test_checked_pointer_still_needs_an_object(tiny, invariant):
    a = ref("node", "a")

    def linked(c):
        following = to_reference("node", c.node[a].next)
        links = implies(following != NULL, exists(c.node, following))
        return all_of(c.exists("node", a), links if invariant else True)

    explored = Explored(tiny, "follow_safely", {"node": a}, linked)
    held = [explored.all_guards(run) for run, _, _ in explored]
    assert all(held) is invariant
    assert explored.paths == 2


def test_array_index_is_guarded(tiny):
    a, i = ref("node", "a"), word("i")
    explored = Explored(tiny, "put", {"node": a, "index": i}, lambda c: all_of(c.exists("node", a), i < 4))
    for run, c, _ in explored:
        assert explored.all_guards(run)
        assert explored.proved(c.node[a].many[i] == 5)
        assert explored.proved(implies(i != 2, c.node[a].many[2] == explored.before.node[a].many[2]))


def test_globals(tiny):
    explored = Explored(tiny, "clear", {})
    for run, c, _ in explored:
        assert (c.first, c.total) == (0, 0)
        assert not run.guards
        assert tiny.written(c) == {"c:first", "c:total"}
        assert not explored.proved(explored.before.total == 0)


def test_tables(tiny):
    row, column = word("row"), word("column")
    explored = Explored(tiny, "scatter", {"row": row, "column": column})
    for run, c, _ in explored:
        assert {guard.what for guard in run.guards} == {"the index is below 2", "the index is below 8"}
        assert explored.proved(c.table[row][column] == explored.before.table[column][row])


@pytest.mark.parametrize("value", [True, False])
def test_truth_values_as_arguments(tiny, value):
    explored = Explored(tiny, "flag", {"on": value})
    assert [c.total for _, c, _ in explored] == [10 if value else 20]


def test_symbolic_truth_value_as_argument(tiny):
    on = Bool(terms.variable("on", terms.BOOL))
    explored = Explored(tiny, "flag", {"on": on})
    for _, c, _ in explored:
        assert explored.proved(iff(on, c.total == 10))
        assert explored.proved(one_of(c.total, 10, 20))


def test_pointer_to_no_kind_of_object_fails_its_guard(tiny):
    explored = Explored(tiny, "stray", {"address": word("address")})
    for run, _, _ in explored:
        assert [guard.condition for guard in run.guards] == [terms.FALSE]


def test_undefined_behaviour_ends_the_path_with_its_guard(tiny):
    explored = Explored(tiny, "drop", {"node": ref("node", "a")})
    ends = [(terms.FALSE in [guard.condition for guard in run.guards], end) for run, _, end in explored]
    assert sorted(failed for failed, _ in ends) == [False, True]
    assert all((end is None) is failed for failed, end in ends)


def test_bounded_loop_is_followed(tiny):
    a, b, count = ref("node", "a"), ref("node", "b"), word("count")
    explored = Explored(tiny, "copy", {"a": a, "b": b, "count": count})
    for _, c, _ in explored:
        for i in range(4):
            source = ite_word(count, i, explored.before.node[b].many[i], explored.before.node[a].many[i])
            assert explored.proved(c.node[a].many[i] == source)
    assert explored.paths == 5


def ite_word(count, i, then, otherwise):
    return Word(terms.ite(term_of_truth(count > i), then.term, otherwise.term))


def test_unbounded_loop_needs_a_contract(tiny):
    with pytest.raises(ProofError, match=r"unit\.c:\d+: the loop spin#1 goes round more than 64 times"):
        list(Explored(tiny, "spin", {"count": word("count")}))


class Cutting:
    """Loops as a proof has them: unknown variables and state at the head, one iteration."""

    def __init__(self, after):
        self.after = after
        self.log = []

    def known(self, label):
        return label == "walk#1"

    def head(self, run, label, variables):
        self.log.append(("head", run.layer, sorted(variables)))
        assert isinstance(variables["node"], SymbolicRef)
        self.after(run)
        return {"node": ref("node", "loop.node"), "steps": word("loop.steps")}

    def enter(self, run):
        self.log.append(("enter", run.layer))

    def leave(self, run):
        self.log.append(("leave", run.layer))


def test_loop_with_a_contract_is_cut(tiny):
    loops = Cutting(lambda run: None)
    explored = Explored(tiny, "walk", {"node": ref("node", "a")}, loops=loops)
    node, steps = ref("node", "loop.node"), word("loop.steps")
    ends = []
    for run, c, end in explored:
        ends.append(type(end))
        if isinstance(end, Cut):
            assert end.label == "walk#1"
            assert sorted(end.values) == ["node", "steps"]
            assert end.values["node"].kind == "node"
            assert explored.proved(address_of("node", end.values["node"]) == explored.before.node[node].next)
            assert explored.proved(end.values["steps"] == Word(terms.add(steps.term, terms.bits(1, 32))))
            assert explored.proved(c.node[node].value == 0)
            assert loops.log[-1] == ("enter", "c")
        else:
            assert explored.proved(all_of(node == NULL, c.total == steps))
            assert loops.log[-1] == ("leave", "c")
        assert run.layer == ""
    assert sorted(kind.__name__ for kind in ends) == ["Cut", "Outcome"]
    assert loops.log[0] == ("head", "c", ["node", "steps"])


def test_state_may_be_forgotten_at_the_head(tiny):
    looping = tiny.fresh(MACHINE, "loop.")
    states = []
    loops = Cutting(lambda run: states[-1].become(looping))

    class Recorded(Explored):
        pass

    explored = Recorded(tiny, "walk", {"node": ref("node", "a")}, loops=loops)
    original = explored.before.copy

    def copy():
        states.append(original())
        return states[-1]

    explored.before.copy = copy
    other = ref("node", "other")
    for _, c, end in explored:
        if isinstance(end, Cut):
            unchanged = implies(other != ref("node", "loop.node"), c.node[other].value == looping.node[other].value)
            assert explored.proved(unchanged)
            assert not explored.proved(c.node[other].value == explored.before.node[other].value)


def test_arguments_must_have_the_parameters_names(tiny):
    with pytest.raises(ProofError, match="store has the parameters node, value, not node, worth"):
        list(Explored(tiny, "store", {"node": NULL, "worth": 1}))


def test_operation_without_function(tiny):
    with pytest.raises(ProofError, match="there is no C function known for the operation paint"):
        list(Explored(tiny, "paint", {}))


def test_references_must_be_machine_words(tiny):
    with pytest.raises(ProofError, match="MACHINE"):
        tiny.fresh(MATHEMATICAL, "")


def test_location_is_that_of_the_function(kernel):
    location = kernel.location("set_thread_state")
    assert location.startswith("impl/sel4/src/schedule.c:")


def test_copies_are_apart(tiny):
    first = tiny.fresh(MACHINE, "")
    second = first.copy()
    explored = Explored(tiny, "clear", {})
    for _, c, _ in explored:
        second.become(c)
    assert second.total == 0
    assert first.total == Word(terms.variable("c.total", terms.bit_vector(32)))


# The kernel


def thread_state(c, t):
    return to_member(ThreadState, c.tcb[t].tcbState.tsType)


def runnable(c, t):
    return one_of(thread_state(c, t), ThreadState.Running, ThreadState.Restart)


def test_set_thread_state(kernel):
    t, other = ref("tcb", "t"), ref("tcb", "other")
    state = SymbolicEnum(ThreadState, terms.variable("state", terms.bit_vector(32)))
    number = Word(state.term)
    explored = Explored(
        kernel, "set_thread_state", {"thread": t, "state": state}, lambda c: all_of(c.exists("tcb", t), number < 8)
    )
    for run, c, _ in explored:
        before = explored.before
        assert explored.all_guards(run)
        assert explored.proved(thread_state(c, t) == state)
        assert explored.proved(implies(other != t, thread_state(c, other) == thread_state(before, other)))
        for field in ("blockingObject", "tcbQueued", "blockingIPCBadge", "blockingIPCIsCall"):
            kept = getattr(c.tcb[other].tcbState, field) == getattr(before.tcb[other].tcbState, field)
            assert explored.proved(kept)
        stops = all_of(
            before.ksCurThread == address_of("tcb", t), before.ksSchedulerAction == 0, negate(runnable(c, t))
        )
        assert explored.proved(implies(stops, c.ksSchedulerAction == 1))
        assert explored.proved(implies(negate(stops), c.ksSchedulerAction == before.ksSchedulerAction))
    assert explored.paths >= 2


def test_possible_switch_to(kernel):
    t = ref("tcb", "t")

    def bounded(c):
        return all_of(
            c.exists("tcb", t), c.tcb[t].tcbDomain < 16, c.tcb[t].tcbPriority < 256, c.ksSchedulerAction < 2,
            c.tcb[t].tcbState.tcbQueued == 0,
        )  # fmt: skip

    explored = Explored(kernel, "possible_switch_to", {"thread": t}, bounded)
    actions = set()
    for _, c, _ in explored:
        before = explored.before
        domain, priority = before.tcb[t].tcbDomain, before.tcb[t].tcbPriority
        direct = all_of(before.tcb[t].tcbDomain == before.ksCurDomain, before.ksSchedulerAction == 0)
        if explored.proved(direct):
            actions.add(SchedulerAction.SwitchToThread)
            assert explored.proved(c.ksSchedulerAction == address_of("tcb", t))
            assert explored.proved(c.tcb[t].tcbState.tcbQueued == 0)
        else:
            actions.add(SchedulerAction.ChooseNewThread)
            assert explored.proved(negate(direct))
            assert explored.proved(c.ksReadyQueues[domain][priority].head == address_of("tcb", t))
            assert explored.proved(c.tcb[t].tcbState.tcbQueued == 1)
    assert actions == {SchedulerAction.SwitchToThread, SchedulerAction.ChooseNewThread}


def test_leave_endpoint(kernel):
    t, e = ref("tcb", "t"), ref("endpoint", "e")

    def alone(c):
        only = all_of(c.tcb[t].tcbEPNext == 0, c.tcb[t].tcbEPPrev == 0, c.endpoint[e].epQueue_head != 0)
        return all_of(c.exists("tcb", t), c.exists("endpoint", e), only)

    explored = Explored(kernel, "leave_endpoint", {"thread": t, "endpoint": e}, alone)
    for run, c, _ in explored:
        assert explored.all_guards(run)
        assert explored.proved(all_of(c.endpoint[e].epQueue_head == 0, c.endpoint[e].epQueue_tail == 0))
        assert explored.proved(to_member(EndpointState, c.endpoint[e].state) == EndpointState.Idle)
        assert explored.proved(c.endpoint[e].words[2] == explored.before.endpoint[e].words[2])
    assert explored.paths == 1


def test_transfer_cuts_the_length(kernel):
    a, b, badge = ref("tcb", "a"), ref("tcb", "b"), word("badge")
    explored = Explored(
        kernel, "do_ipc_transfer", {"sender": a, "receiver": b, "badge": badge},
        lambda c: all_of(c.exists("tcb", a), c.exists("tcb", b), a != b),
    )  # fmt: skip
    for run, c, _ in explored:
        assert explored.all_guards(run)
        before = explored.before.unpack("seL4_MessageInfo", explored.before.tcb[a].tcbArch.registers[1])
        after = c.unpack("seL4_MessageInfo", c.tcb[b].tcbArch.registers[1])
        assert explored.proved(after.label == before.label)
        assert explored.proved(implies(before.length <= 4, after.length == before.length))
        assert explored.proved(implies(before.length > 4, after.length == 4))
        assert explored.proved(c.tcb[b].tcbArch.registers[0] == badge)
        assert explored.proved(c.tcb[b].tcbArch.registers[6] == explored.before.tcb[b].tcbArch.registers[6])
    assert explored.paths == 5


def test_next_domain_reads_packed_double_words(kernel):
    explored = Explored(kernel, "next_domain", {}, lambda c: c.ksDomScheduleIdx < 99)
    for run, c, _ in explored:
        entry = c.unpack("dschedule", explored.before.ksDomSchedule[c.ksDomScheduleIdx])
        assert explored.proved(c.ksDomainTime == entry.duration)
        start = explored.before.ksDomScheduleStart
        assert explored.all_guards(run) or explored.proved(c.ksDomScheduleIdx == start)


def test_symbolic_state_as_a_plain_one(kernel):
    t = kernel.numbers("tcb", 2)
    e = kernel.numbers("endpoint", 1)[0]
    a = ref("tcb", "a")
    explored = Explored(kernel, "set_thread_state", {"thread": a, "state": ThreadState.Inactive})
    for _, _, _ in explored:
        before = explored.before
        chosen = [
            terms.equal(a.term, terms.bits(t[0], 32)),
            term_of_truth(before.tcb[a].tcbEPNext == t[1]),
            term_of_truth(before.tcb[a].tcbState.blockingObject == e),
            term_of_truth(before.ksReadyQueues[word("domain")][44].head == t[0]),
            terms.equal(word("domain").term, terms.bits(1, 32)),
        ]
        model = explored.solver.model(chosen)
        assert model is not None
        objects = {"tcb": [to_reference("tcb", n) for n in t], "endpoint": [to_reference("endpoint", e)],
                   "notification": []}  # fmt: skip
        memory = kernel.concretise(before, objects, model.value)
        c = kernel.view(memory)
        assert c.tcb[t[0]].tcbEPNext == t[1]
        assert c.tcb[t[0]].tcbState.blockingObject == e
        assert c.ksReadyQueues[1][44].head == t[0]
        kernel.execute(memory, "set_thread_state", {"thread": to_reference("tcb", t[0]), "state": ThreadState.Restart})
        assert c.tcb[t[0]].tcbState.tsType == 2
        assert kernel.dump(kernel.load(kernel.dump(memory))) == kernel.dump(memory)
        break
