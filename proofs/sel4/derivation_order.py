"""How the derivation list of the model follows from the derivation tree of the specification.

A family of capabilities is one list, in the order of their positions; the descendants of a capability are those right
behind it, up to the first one that the model's test (`is_mdb_parent_of`) says is none.
"""

from __future__ import annotations

from typing import Any

from executable_model.sel4.capability import Cap, CapKind, is_physical, object_end, object_start, same_region_as
from executable_model.sel4.derivation import is_mdb_parent_of
from proofs.sel4.capability_invariants import is_live
from refinement.logic import NULL, all_of, any_of, defined, implies, negate
from refinement.statements import related


def _one_family(spec: Any, s: Any, x: Any, y: Any) -> Any:
    return all_of(is_live(s, x), is_live(s, y), spec.slot[x].family == spec.slot[y].family)


def _ahead(spec: Any, x: Any, y: Any) -> Any:
    return spec.slot[x].position < spec.slot[y].position


def _descends(spec: Any, s: Any, x: Any, y: Any) -> Any:
    """Whether y descends from x."""
    return all_of(_one_family(spec, s, x, y), _ahead(spec, x, y), spec.slot[y].position < spec.slot[x].end)


@related("spec", "exec", "slot")
def places_taken(spec: Any, s: Any, x: Any) -> Any:
    """A capability's interval has an inside, and its family was begun already."""
    place = spec.slot[x]
    return implies(is_live(s, x), all_of(place.position < place.end, place.family < spec.families))


@related("spec", "exec", "slot")
def next_in_family(spec: Any, s: Any, x: Any) -> Any:
    """The next capability in the list is of the same family, and comes later."""
    after = s.slot[x].next
    follows = all_of(spec.slot[x].family == spec.slot[after].family, _ahead(spec, x, after))
    return implies(all_of(is_live(s, x), after != NULL), follows)


@related("spec", "exec", "slot", "slot")
def derivation_places(spec: Any, s: Any, x: Any, y: Any) -> Any:
    """Of two capabilities of a family, one comes later: no earlier than the one behind the other, and that no later \
than the one before it."""
    after, before = s.slot[x].next, s.slot[y].prev
    between = all_of(
        after != NULL,
        spec.slot[after].position <= spec.slot[y].position,
        before != NULL,
        spec.slot[x].position <= spec.slot[before].position,
    )
    apart = spec.slot[x].position != spec.slot[y].position
    return implies(all_of(x != y, _one_family(spec, s, x, y)), all_of(apart, implies(_ahead(spec, x, y), between)))


@related("spec", "exec", "slot", "slot")
def intervals_nest(spec: Any, s: Any, x: Any, y: Any) -> Any:
    """The interval of a descendant is inside that of its ancestor."""
    return implies(_descends(spec, s, x, y), spec.slot[y].end <= spec.slot[x].end)


@related("spec", "exec", "slot", "slot")
def descendants_are_children(spec: Any, s: Any, x: Any, y: Any) -> Any:
    """The model's test says of every descendant that it is one."""
    return implies(_descends(spec, s, x, y), is_mdb_parent_of(s, x, y))


@related("spec", "exec", "slot", "slot")
def descendants_end(spec: Any, s: Any, x: Any, y: Any) -> Any:
    """The model's test says of the first capability behind all descendants that it is none."""
    before = s.slot[y].prev
    first = all_of(
        _one_family(spec, s, x, y),
        _ahead(spec, x, y),
        negate(_descends(spec, s, x, y)),
        before != NULL,
        any_of(before == x, _descends(spec, s, x, before)),
    )
    return implies(first, negate(is_mdb_parent_of(s, x, y)))


@related("spec", "exec", "slot", "slot")
def regions_have_one_family(spec: Any, s: Any, x: Any, y: Any) -> Any:
    """Capabilities to the same things, or to memory and what was made of it, have a common origin."""
    both = all_of(is_live(s, x), is_live(s, y))
    return implies(all_of(both, same_region_as(s.slot[x].cap, s.slot[y].cap)), _one_family(spec, s, x, y))


@related("spec", "exec", "slot", "slot", "slot")
def regions_are_together(spec: Any, s: Any, x: Any, y: Any, z: Any) -> Any:
    """Between a capability and one to something in its region are only others to something in its region."""
    between = all_of(_one_family(spec, s, x, y), _one_family(spec, s, y, z), _ahead(spec, x, y), _ahead(spec, y, z))
    inside = same_region_as(s.slot[x].cap, s.slot[z].cap)
    return implies(all_of(between, inside), same_region_as(s.slot[x].cap, s.slot[y].cap))


@defined
def overlap(one: Cap, other: Cap) -> bool:
    """Whether some memory belongs to what both capabilities stand for."""
    return all_of(
        is_physical(one),
        is_physical(other),
        object_start(one) <= object_end(other),
        object_start(other) <= object_end(one),
    )


@related("spec", "exec", "slot", "slot")
def untyped_descendants(spec: Any, s: Any, x: Any, y: Any) -> Any:
    """What overlaps the memory of an untyped capability, and is none itself, descends from it; of two untyped ones \
that overlap, one lies in the other and descends from it."""
    above, below = s.slot[x].cap, s.slot[y].cap
    inside, around = same_region_as(above, below), same_region_as(below, above)
    untyped = any_of(all_of(inside, _descends(spec, s, x, y)), all_of(around, _descends(spec, s, y, x)))
    other = all_of(inside, _descends(spec, s, x, y))
    is_untyped = below.kind == CapKind.Untyped
    overlaps = all_of(x != y, above.kind == CapKind.Untyped, overlap(above, below))
    return implies(overlaps, all_of(implies(is_untyped, untyped), implies(negate(is_untyped), other)))


FACTS = (
    places_taken,
    next_in_family,
    derivation_places,
    intervals_nest,
    descendants_are_children,
    descendants_end,
    regions_have_one_family,
    regions_are_together,
    untyped_descendants,
)
