"""Random logs."""

from hypothesis import strategies as st

from pal.store import Answered, Flagged, Named, Placed, Retracted

ITEMS = tuple(f"{i:064x}" for i in range(8))
WHO = st.sampled_from(["ann", "bob"])
NAMES = st.sampled_from(["cat", "dog", "Käse 猫", "=1+1"])


@st.composite
def answered(draw):
    template, *items = draw(st.permutations(ITEMS))[: draw(st.integers(2, 5))]
    return Answered(
        labeler=draw(WHO),
        page=draw(st.sampled_from("pqr")),
        template=template,
        items=items,
        relations=[draw(st.sampled_from([-1, 0, 1])) for _ in items],
        mode=draw(st.sampled_from(["same", "different"])),
        seconds=draw(st.floats(0, 60)),
        toggles=[(item, 1.5) for item in items[:1]],
    )


def events():
    item = st.sampled_from(ITEMS)
    return st.one_of(
        answered(),
        st.builds(Named, labeler=WHO, item=item, name=NAMES),
        st.builds(Placed, labeler=WHO, item=item, parent=NAMES),
        st.builds(Flagged, labeler=WHO, item=item, reason=st.sampled_from(["broken", "unsuitable"])),
    )


@st.composite
def logs(draw, max_size=12):
    """Events with some retractions among them, each after its target."""
    log = draw(st.lists(events(), max_size=max_size))
    for target in draw(st.lists(st.sampled_from(log), max_size=4) if log else st.just([])):
        at = draw(st.integers(log.index(target) + 1, len(log)))
        log.insert(at, Retracted(labeler=target.labeler, event=target.id))
    return log
