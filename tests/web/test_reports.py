"""The progress and map screens' routes: audited accuracy, what is left, the people, and pages made of a selection."""

import numpy as np
import pytest
from posting import answered, checked, send
from scipy.sparse import csr_array

from pal.agreement import answers_alpha
from pal.cost import KEYS, fit_cost
from pal.project.mapping import averaged, principal
from pal.store.events import Answered


@pytest.fixture(scope="module")
def labelled(client, project, digit):
    for _ in range(6):
        page = client.get("/api/page").json()["page"]
        assert send(client, answered(page, digit, seconds=9.0)).status_code == 200
        project.settle()  # the same pages every time
    return project


def report(client, **how):
    reply = client.get("/api/report", params=how)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_counts_are_those_of_the_progress(client, labelled):
    now, then = report(client), client.get("/api/progress").json()
    assert [now[key] for key in ("told", "deduced", "n_items")] == [then[key] for key in ("told", "deduced", "n_items")]
    assert now["told"] + now["deduced"] + now["predicted"] == now["n_items"]


def test_accuracy_comes_from_audit_items_only(client, labelled, digit):
    nothing = report(client)["audit"]
    assert (nothing["asked"], nothing["low"], nothing["high"]) == (0, 0.0, 1.0)
    pairs = client.get("/api/review").json()["doubtful"][:5]
    for pair in pairs:
        send(client, checked(pair["a"]["id"], pair["b"]["id"], -1))
    assert report(client)["audit"] == nothing  # checks of doubtful items are no sample
    relations = [1, 1, 0, -1, 1, 1]
    for pair, relation in zip(client.get("/api/review").json()["audit"], relations, strict=False):
        send(client, checked(pair["a"]["id"], pair["b"]["id"], relation, page="audit"))
        # Somebody else's answer about the same item later is no second item.
        labelled.record(
            [
                Answered(
                    labeler="bob",
                    page="audit",
                    template=pair["a"]["id"],
                    items=(pair["b"]["id"],),
                    relations=(-1,),
                )
            ]
        )
    found = report(client)["audit"]
    assert (found["right"], found["asked"], found["unsure"]) == (4, 5, 1)
    assert 0 < found["low"] < 0.8 < found["high"] < 1


def test_what_is_left_is_at_the_persons_own_speed(client, labelled):
    left = report(client, target=0.999)["left"]
    assert left["own"]
    assert left["seconds"] == pytest.approx(9.0, rel=0.3)
    assert left["pages"] > 0
    assert left["minutes"] == pytest.approx(left["pages"] * left["seconds"] / 60)
    assert not left["audited"]  # five items are too few
    assert report(client, target=0.9)["left"]["pages"] <= left["pages"]


def test_verdict_follows_the_interval(client, labelled):
    for target in (0.001, 0.5, 0.9, 0.9999):
        now = report(client, target=target)
        share = (now["told"] + now["deduced"]) / now["n_items"]
        assert now["low"] == pytest.approx(share + (1 - share) * now["audit"]["low"])
        assert now["high"] == pytest.approx(share + (1 - share) * now["audit"]["high"])
        assert (now["verdict"] == "reached") == (now["low"] >= target)
        assert (now["verdict"] == "missed") == (now["high"] < target)


@pytest.mark.parametrize("target", ["0", "1", "nan", "x", "-1"])
def test_impossible_targets_are_refused(client, target):
    assert client.get("/api/report", params={"target": target}).status_code == 422


def test_people_and_how_they_agree(client, labelled):
    first = next(event for event in labelled.now().answered if event.labeler == "person" and len(event.items) == 15)
    votes = [1 if i < 3 else -1 for i in range(15)]
    labelled.record(
        [Answered(labeler="eve", page="p", template=first.template, items=first.items, relations=tuple(votes))]
    )
    found = report(client)
    people = {one["labeler"]: one for one in found["people"]}
    assert (found["alpha"], found["judged"]) == answers_alpha(labelled.now().answers, len(labelled.items))
    assert found["judged"] >= 15
    agree = sum(a == b for a, b in zip(votes, first.relations, strict=True))
    assert people["eve"]["compared"] == 15
    assert people["eve"]["agreement"] == pytest.approx(agree / 15)
    assert people["person"]["pages"] == 6
    assert people["person"]["seconds"] == pytest.approx(9.0 / 15)
    assert people["eve"]["answers"] == 15
    assert 0.8 < people["person"]["sensitivity"] < 1.0
    assert 0.8 < people["person"]["specificity"] < 1.0


def test_the_speed_is_the_one_fitted_to_the_log(labelled):
    from pal.project.report import _speed

    cost, tiles, _ = _speed([])
    assert (cost.page, tiles) == (pytest.approx(KEYS.page), 15.0)
    mine = [event for event in labelled.now().answered if event.labeler == "person" and len(event.items) == 15]
    clicks = np.array([sum(r == (1 if e.mode == "same" else -1) for r in e.relations) for e in mine], dtype=float)
    fitted = fit_cost(np.full(len(mine), 15.0), clicks, np.full(len(mine), 9.0))
    assert _speed(mine)[0] == fitted


# --- the map ----------------------------------------------------------------------------------------------------------


def test_the_map_has_every_item_where_its_group_is(client, labelled):
    labelled.settle()  # a model of what other tests answered may come between two looks
    shown = client.get("/api/map").json()
    assert len(shown["id"]) == shown["n_items"] == len(labelled.items)
    assert max(map(abs, shown["x"] + shown["y"])) == pytest.approx(1.0, abs=1e-3)
    now, row = labelled.standing(), labelled.items.row
    for item, group in list(zip(shown["id"], shown["group"], strict=True))[::50]:
        assert labelled.items.row[shown["anchors"][group]] == now.anchor[now.label[row[item]]]
    sizes = np.bincount(shown["group"])
    assert (np.diff(sizes) <= 0).all()


def test_principal_components_are_those_of_the_svd():
    z = np.random.default_rng(0).normal(size=(50, 6)) * [5, 3, 1, 1, 1, 1]
    place = principal(z)
    u, s, _ = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)
    wanted = u[:, :2] * s[:2]
    wanted /= np.abs(wanted).max()
    np.testing.assert_allclose(np.abs(place), np.abs(wanted), atol=1e-9)
    np.testing.assert_array_equal(principal(np.zeros((3, 1))), np.zeros((3, 2)))


def test_averaging_over_neighbours_is_a_random_walk():
    rng = np.random.default_rng(0)
    dense = np.triu(rng.random((6, 6)), 1)
    dense += dense.T
    dense[5] = dense[:, 5] = 0.0  # nobody's neighbour
    x = rng.normal(size=(6, 3))
    walk = np.eye(6)
    walk[:5] = dense[:5] / dense[:5].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(averaged(x, csr_array(dense), rounds=3), np.linalg.matrix_power(walk, 3) @ x)


def test_on_the_map_digits_lie_together(client, labelled, digit):
    from sklearn.neighbors import KNeighborsClassifier

    shown = client.get("/api/map").json()
    place, kind = np.column_stack([shown["x"], shown["y"]]), np.array([digit[item] for item in shown["id"]])
    near = KNeighborsClassifier(15).fit(place[::2], kind[::2])
    assert near.score(place[1::2], kind[1::2]) > 0.7  # guessing is right in a tenth


def test_a_selection_becomes_a_page_against_its_commonest_group(client, labelled):
    labelled.settle()  # no model comes between
    now, items = labelled.standing(), labelled.items
    free = [
        i for i in np.flatnonzero((now.source == 0) & (now.label >= 0)).tolist() if i not in set(now.anchor.tolist())
    ]
    group = int(np.bincount(now.label[free]).argmax())
    inside = [i for i in free if now.label[i] == group][:20]
    outside = [i for i in free if now.label[i] != group][:5]
    page = client.post("/api/ask", json={"items": [items.id[i] for i in inside + outside]}).json()["page"]
    assert items.row[page["template"]["id"]] == now.anchor[group]
    asked = [items.row[tile["id"]] for tile in page["tiles"]]
    assert set(asked) <= {*inside, *outside}
    assert len(asked) == 15
    assert (np.diff(now.confidence[asked]) >= 0).all()  # the least sure first
    again = client.post("/api/ask", json={"items": [items.id[i] for i in asked]}).json()
    assert "done" in again  # they are on an open page


@pytest.mark.parametrize("items", [[], ["x"], ["0" * 64], None])
def test_a_page_of_nothing_is_refused(client, items):
    assert client.post("/api/ask", json={"items": items}).status_code == 422
