"""Parents are read before children, and every shard once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from squall.targets.aws.shard_tree import Shard, ShardTree


def test_open_shards_at_the_start_and_children_after_both_parents() -> None:
    tree = ShardTree()
    first = [Shard("a"), Shard("b"), Shard("old", closed=True)]
    assert tree.begin(first) == ["a", "b"]
    merged = [*first, Shard("m", ("a", "b"))]
    tree.finish("a")
    assert tree.ready(merged) == []
    tree.finish("b")
    assert tree.ready(merged) == ["m"]
    assert tree.ready(merged) == []


def test_children_of_what_was_closed_before_are_not_held_up() -> None:
    tree = ShardTree()
    assert tree.begin([Shard("old", closed=True), Shard("c", ("old",))]) == ["c"]
    tree.finish("c")
    assert tree.ready([Shard("d", ("c",)), Shard("e", ("gone",))]) == ["d", "e"]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 50)), max_size=25))
def test_any_resharding_is_followed_in_order(changes: list[tuple[bool, int]]) -> None:
    """Splits and merges in any order: each shard begins once, after all of its parents ended."""
    shards = [Shard("s0"), Shard("s1")]
    open_ids = ["s0", "s1"]
    tree = ShardTree()
    reading = tree.begin(shards)
    ended: set[str] = set()
    begun = list(reading)
    for merge, pick in changes:
        parents = [open_ids.pop(pick % len(open_ids))]
        if merge and open_ids:
            parents.append(open_ids.pop(pick % len(open_ids)))
        count = 1 if len(parents) == 2 else 2
        for _ in range(count):
            child = Shard(f"s{len(shards)}", tuple(parents))
            shards.append(child)
            open_ids.append(child.id)
    closed = {shard.id for shard in shards} - set(open_ids)
    while pending := [s for s in begun if s in closed and s not in ended]:
        done = pending[-1]
        ended.add(done)
        tree.finish(done)
        for ready in tree.ready(shards):
            parents_of = next(shard.parents for shard in shards if shard.id == ready)
            assert set(parents_of) <= ended
            begun.append(ready)
    assert sorted(begun) == sorted(shard.id for shard in shards)
