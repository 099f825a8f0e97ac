import json
from dataclasses import fields

import pytest
from hypothesis import given

from pal.errors import InvalidInputError
from pal.store import Answered, Flagged, Named, Placed, Retracted, fold
from pal.store.events import from_dict, from_json, from_log, to_dict, to_json
from tests.store.logs import ITEMS, events

GOOD = to_dict(Answered(labeler="ann", page="p", template=ITEMS[0], items=ITEMS[1:3], relations=(1, -1)))


@given(events())
def test_json_round_trip(event):
    line = to_json(event)
    assert "\n" not in line
    assert from_json(line) == event
    assert from_dict(json.loads(line)) == event


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "asked"}, "unknown kind"),
        ({"kind": None}, "unknown kind"),
        ({"relations": [1]}, "one relation for each item"),
        ({"relations": [1, 2]}, "-1, 0 or"),
        ({"relations": [1, True]}, "-1, 0 or"),
        ({"relations": [1, 0.5]}, "-1, 0 or"),
        ({"relations": "11"}, "must be a list"),
        ({"items": [ITEMS[1], ITEMS[1]]}, "each item once"),
        ({"items": [ITEMS[1], ITEMS[0]]}, "each item once"),
        ({"items": [ITEMS[1], 3]}, "each item once"),
        ({"mode": "odd"}, "mode must be"),
        ({"seconds": -1}, "length of time"),
        ({"seconds": float("nan")}, "length of time"),
        ({"time": float("inf")}, "finite"),
        ({"time": "now"}, "finite"),
        ({"id": ""}, "id must be a text"),
        ({"id": 7}, "id must be a text"),
        ({"labeler": "x" * 2000}, "labeler must be a text"),
        ({"labeler": "a\0b"}, "labeler must be a text"),
        ({"labeler": "\ud800"}, "lone surrogate"),
        ({"toggles": [["a"]]}, "pairs of an item"),
        ({"toggles": [["a", "b"]]}, "pairs of an item"),
        ({"colour": "red"}, "no field colour"),
    ],
)
def test_bad_events_are_refused_in_one_sentence(change, message):
    with pytest.raises(InvalidInputError, match=message):
        from_dict(GOOD | change)


@pytest.mark.parametrize("missing", ["page", "template", "items", "relations", "labeler"])
def test_missing_fields_are_named(missing):
    with pytest.raises(InvalidInputError, match=missing):
        from_dict({name: value for name, value in GOOD.items() if name != missing})


def test_an_event_must_be_an_object():
    with pytest.raises(InvalidInputError, match="object"):
        from_dict([1])


def test_unknown_reason():
    with pytest.raises(InvalidInputError, match="broken, unsuitable"):
        Flagged(labeler="ann", item=ITEMS[0], reason="ugly")


def test_fold_keeps_the_last_name_and_parent():
    first, second = (Named(labeler="ann", item=ITEMS[0], name=name) for name in ("cat", "dog"))
    place = Placed(labeler="ann", item=ITEMS[0], parent="animal")
    assert fold([first, second, place]).names[ITEMS[0]] is second
    undone = fold([first, second, place, Retracted(labeler="ann", event=second.id)])
    assert undone.names[ITEMS[0]] is first
    assert undone.parents[ITEMS[0]] is place
    assert undone.counts(first)
    assert not undone.counts(second)


def test_fold_ignores_retractions_of_retractions_and_of_nothing():
    event = Named(labeler="ann", item=ITEMS[0], name="cat")
    undo = Retracted(labeler="ann", event=event.id)
    redo = Retracted(labeler="ann", event=undo.id)
    nothing = Retracted(labeler="ann", event="missing")
    assert fold([event, undo, redo, nothing]).names == {}


def test_every_field_reaches_json():
    for kind in (Answered, Named, Placed, Flagged, Retracted):
        assert {f.name for f in fields(kind)} >= {"id", "labeler", "time"}
    assert set(GOOD) == {"kind", *(f.name for f in fields(Answered))}


@given(events())
def test_a_log_is_read_back_without_checks_and_alike(event):
    again = from_log(to_json(event))
    assert again == event == from_json(to_json(event))
    assert hash(again) == hash(event)


@pytest.mark.parametrize("body", ['{"kind": "answered"}', '{"kind": "nothing"}', "[]", '{"kind": "named", "x": 1}'])
def test_a_broken_log_says_what_is_wrong(body):
    with pytest.raises(InvalidInputError):
        from_log(body)
