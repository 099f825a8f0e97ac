import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pal.datasets.arrays import items_of
from pal.errors import InvalidInputError
from pal.items import Items, Skipped, unique_rows


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 99)), min_size=1, unique=True))
def test_unique_rows_keep_one_of_each_content_by_name(pairs):
    ids, names = [i for i, _ in pairs], [f"{n:02d}{i}" for i, n in pairs]
    rows, copies = unique_rows(ids, names)
    kept = [names[i] for i in rows]
    assert kept == sorted(kept)
    assert sorted(ids[i] for i in rows) == sorted(set(ids))
    for i in rows:
        others = sorted(n for j, n in zip(ids, names, strict=True) if j == ids[i] and n != names[i])
        assert list(copies.get(ids[i], ())) == others
        assert all(names[i] < other for other in others)


def test_items_have_rows_and_parts():
    items = items_of(np.arange(8.0).reshape(4, 2), source="s", names=list("dcba"), labels=np.array([3, 2, 1, 0]))
    assert items.name == ("a", "b", "c", "d")
    assert items.labels.tolist() == [0, 1, 2, 3]
    assert [items.row[i] for i in items.id] == [0, 1, 2, 3]
    assert items.id[2] in items
    assert "nonsense" not in items
    part = items.take(np.array([2, 0]))
    assert part.name == ("c", "a")
    np.testing.assert_array_equal(part.vectors, items.vectors[[2, 0]])
    assert not items.has_picture(0)


def test_broken_items_become_skipped():
    items = items_of(np.arange(8.0).reshape(4, 2), source="s", names=list("abcd"))
    rest = items.without({items.id[1]: "torn", "unknown": "?"})
    assert rest.name == ("a", "c", "d")
    assert rest.skipped == (Skipped("b", "torn"),)
    assert items.without({}) is items


def test_equal_rows_are_one_item():
    x = np.array([[1.0, 2.0], [0.0, 0.0], [1.0, 2.0], [1.0, 2.0]])
    items = items_of(x, source="s", names=list("wxyz"))
    assert len(items) == 2
    assert items.copies == {items.id[0]: ("y", "z")}
    told_apart = items_of(x, source="s", texts=["a", "b", "c", "a"])
    assert len(told_apart) == 3
    assert told_apart.kind == "text"


def test_ids_depend_on_content_alone():
    x = np.random.default_rng(0).standard_normal((5, 3))
    one, other = items_of(x, source="s"), items_of(x[::-1], source="t", names=list("abcde"))
    assert set(one.id) == set(other.id)
    assert set(items_of(x.astype(np.float32), source="s").id) == set(one.id)
    assert not set(items_of(x + 1, source="s").id) & set(one.id)


@pytest.mark.parametrize("column", [{"name": ("a",)}, {"vectors": np.zeros((3, 1))}])
def test_columns_must_fit(column):
    with pytest.raises(InvalidInputError, match="one entry each"):
        Items("s", "vector", ("1", "2"), **({"name": ("a", "b"), "path": (None, None)} | column))


def test_ids_must_differ():
    with pytest.raises(InvalidInputError, match="different"):
        Items("s", "vector", ("1", "1"), ("a", "b"), (None, None))
