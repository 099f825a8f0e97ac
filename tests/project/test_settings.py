import math

import pytest

from pal.errors import InvalidInputError
from pal.project.settings import NOTE, RULE, Current, Settings, read_settings, write_settings
from pal.store import MemoryStore


def test_what_is_not_set_is_as_by_default():
    store = MemoryStore()
    assert read_settings(store) == Settings(rule=RULE)
    write_settings(store, Settings(rule="  Same   bird? ", gold=0.5))
    assert read_settings(store) == Settings(rule="Same bird?", gold=0.5)
    write_settings(store, Settings(classes=("red  kite", "kestrel", "red kite")))
    assert read_settings(store) == Settings(classes=("red kite", "kestrel"))
    store.set_meta(NOTE, '{"second": 0.3, "of a later version": 1}')
    assert read_settings(store) == Settings(second=0.3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": " "},
        {"rule": "x" * 501},
        {"rule": "a\x00b"},
        {"rule": 3},
        {"gold": -0.1},
        {"gold": 1.1},
        {"gold": True},
        {"second": math.nan},
        {"second": "1"},
        {"target": 1.0},
        {"target": 0},
        {"target": True},
        {"classes": ("a", " ")},
        {"classes": ("x" * 201,)},
        {"classes": (3,)},
        {"classes": tuple(map(str, range(1001)))},
    ],
)
def test_what_cannot_be_set(wrong):
    with pytest.raises(InvalidInputError):
        Settings(**wrong)


def test_another_servers_settings_are_seen_a_moment_later():
    store, now = MemoryStore(), [0.0]
    current = Current(store, clock=lambda: now[0])
    assert current() == Settings()
    write_settings(store, Settings(gold=1.0))
    assert current() == Settings()
    now[0] = 3.0
    assert current() == Settings(gold=1.0)
    current.set(Settings(gold=0.0))
    assert current() == read_settings(store) == Settings(gold=0.0)
