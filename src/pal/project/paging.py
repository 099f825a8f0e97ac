"""Paging: which page is next, leased so that its tiles are on no other open page."""

import threading
from collections.abc import Callable, Collection

import numpy as np
from jaxtyping import Bool, Int64
from numpy import ndarray

from pal.answers import Question
from pal.beliefs import PREDICTED
from pal.clarity import HOPELESS, unclear
from pal.errors import InvalidInputError
from pal.items import Items
from pal.learner import Model
from pal.oracles import State, ask_all, ask_core, get_oracle
from pal.project import listing
from pal.project.checking import Checking
from pal.project.features import Features
from pal.project.infos import NoPage, Page
from pal.project.leases import Leases
from pal.project.ledger import Ledger
from pal.project.mapping import question_among
from pal.project.present import Present
from pal.project.trainer import Trainer
from pal.store.events import new_id

_FIRST_PAGE = 15.0
"""Seconds that a page waits for the first model; browsers wait a little longer for the page."""

_NEXT_PAGE = 5.0
"""Seconds that a page waits for the model to take in the answers so far, where it leaves nothing else to ask."""

_ON_YOURS = "All questions that are left are on open pages; answer those first."
_ON_OTHERS = (
    "All questions that are left are on pages that are open elsewhere; what isn't answered there comes here by itself."
)

_SETTLED = "Nothing is left to ask: the answers so far settle every item"

_OTHERS = 50
"""Members of a group that are tried as its template where a person called another one unclear."""


def check_size(size: int, /) -> None:
    """Refuse a page size that is none; before any thread is started.

    Raises
    ------
    InvalidInputError
        If it is below 1.
    """
    if size < 1:
        raise InvalidInputError(f"page size must be at least 1, got {size}; 15 suits most people")


class Paging:
    """Chooses pages by an oracle and leases them; ``lock`` guards the ledger, ``leased`` says what is on open pages."""

    def __init__(
        self,
        items: Items,
        ledger: Ledger,
        present: Present,
        checking: Checking,
        trainer: Trainer,
        features: Features,
        leases: Leases,
        lock: threading.RLock,
        *,
        leased: Callable[[], Collection[str]],
        oracle: str,
        size: int,
        seed: int,
    ) -> None:
        self._items, self._ledger, self._present, self._checking = items, ledger, present, checking
        self._trainer, self._features, self._leases, self._lock = trainer, features, leases, lock
        self._leased = leased
        self._oracle = get_oracle(oracle)
        self._size = size
        self._rng = np.random.default_rng(seed)
        self._choosing = threading.Lock()  # one page is chosen at a time, without keeping answers waiting
        self._pending: list[Question] = []
        self._chosen_by = ledger.knowledge  # what was known when these were chosen
        self._core_done: Model | None = None  # the model whose core left nothing to ask

    def page(self, labeler: str, hold: Collection[str]) -> Page | NoPage:
        """Lease the next page for somebody; ``hold`` are pages the caller still has open.

        It waits for the first model, and for a moment for one that leaves something to ask.
        """
        if not self._trainer.begun():
            self._trainer.settle(timeout=_FIRST_PAGE, ready=self._trainer.begun)
        found = self._page(labeler, hold)
        if isinstance(found, NoPage) and self._behind():
            self._trainer.settle(timeout=_NEXT_PAGE)
            found = self._page(labeler, hold)
        return found

    def _page(self, labeler: str, hold: Collection[str]) -> Page | NoPage:
        self._leases.renew(hold)
        if not self._trainer.begun():
            return NoPage(self._why_not(hold))
        leased: Page | None = None
        while leased is None:  # others may take every tile of a question first, and hold them
            with self._choosing:
                held = self.held()
                question = self._checking.second(labeler, held)
                if question is None:
                    question = self._next(held)
                    if question is None:
                        return NoPage(self._why_not(hold))
                    question = self._clearer(question, labeler, held)
                leased = self.lease(self._checking.seeded(question, labeler, held))
        return leased

    def _behind(self) -> bool:
        """Whether there are answers that the model, if there is one, doesn't know yet."""
        with self._lock:
            return self._trainer.begun() and self._trainer.published.position < self._ledger.position

    def among(self, rows: Int64[ndarray, " s"]) -> Page | NoPage:
        """Lease a page made of some items."""
        stands, held = self._present.standing(), self.held()
        question = question_among(self._ledger.knowledge, stands, rows, held, size=self._size)
        leased = None if question is None else self.lease(question)
        if leased is None:
            return NoPage("Nothing of the selection is left to ask: it is settled, flagged or on an open page.")
        return leased

    def held(self) -> Bool[ndarray, " n_items"]:
        """Items that must not be shown: on an open page, flagged, or not encoded yet."""
        row = self._items.row
        held = np.ones(len(self._items), dtype=bool)
        held[self._trainer.published.rows] = False
        held[[at for at in map(row.get, self._leased()) if at is not None]] = True
        with self._lock:
            held[[row[event.item] for event in self._ledger.flags]] = True
        return held

    def lease(self, question: Question) -> Page | None:
        """Page of those tiles that no other server has taken since; None if none is left."""
        page = new_id()
        expires, free = self._leases.grant(page, [self._items.id[i] for i in question.items.tolist()])
        if not free:
            return None
        tiles = np.array([self._items.row[item] for item in free])
        return self._shown(page, Question(question.template, tiles, question.mode), expires)

    def _next(self, held: Bool[ndarray, " n_items"]) -> Question | None:
        """Next question: one chosen before, or one that the oracle chooses now."""
        question = self._usable(held)
        if question is not None:
            return question
        with self._lock:
            knowledge, answers = self._ledger.knowledge, self._ledger.answers
        published = self._trainer.published
        n_known = answers.n_common(published.answers)
        since = answers.take(slice(n_known, None))
        # If something was taken back since, what is known isn't what the model was fitted on and more.
        learned = published.knowledge if n_known == len(published.answers) else None
        state = State(knowledge, answers.silent, published.model, self._size, self._rng, held, learned, since)
        self._pending, self._chosen_by = self._choose(state), knowledge
        return self._usable(held)

    def _choose(self, state: State) -> list[Question]:
        """Pages by the oracle, as :func:`pal.oracles.ask`; a core that left nothing isn't looked at again."""
        if state.model is not self._core_done:
            if pages := ask_core(self._oracle, state):
                return pages
            self._core_done = state.model
        return ask_all(self._oracle, state)

    def _clearer(self, question: Question, labeler: str, held: Bool[ndarray, " n_items"]) -> Question:
        """The question, with another template of the same group where this person called its own unclear."""
        with self._lock:
            unclear, knowledge = self._ledger.unclear(labeler), self._ledger.knowledge
        if question.template not in unclear:
            return question
        stands = self._present.standing()
        group = int(stands.label[question.template])
        others = stands.members(group) if group >= 0 else stands.anchor[:0]
        others = others[~held[others] & ~np.isin(others, [*unclear, *question.items])]
        for other in others[:_OTHERS].tolist():
            open_ = knowledge.relation(other, question.items) == 0
            if open_.any():
                return Question(other, question.items[open_], question.mode)
        return question

    def _usable(self, held: Bool[ndarray, " n_items"]) -> Question | None:
        """Next question the oracle has chosen, less the tiles shown elsewhere or settled since."""
        while self._pending:
            question = self._pending.pop(0)
            now, then = (
                knowledge.relation(question.template, question.items)
                for knowledge in (self._ledger.knowledge, self._chosen_by)
            )
            gone = held[question.items] | ((now != 0) & (then == 0))
            if not gone.all():
                return Question(question.template, question.items[~gone], question.mode)
        return None

    def _why_not(self, hold: Collection[str]) -> str:
        if not self._trainer.begun():
            return "The first page is being made; it will be here in a moment."
        if self._leases.items():
            return _ON_YOURS if hold else _ON_OTHERS
        if self._features.working:
            return "More pictures are being encoded; try again in a moment."
        if self._behind():
            return "The answers so far are being taken in; the next page will be here in a moment."
        with self._lock:
            contradict = self._ledger.knowledge.clash
        clash = (
            " Some of them contradict one another, and the likelier ones count: look at Review." if contradict else ""
        )
        if n_unclear := self._n_unclear():
            return (
                f"{_SETTLED} that people could tell. Not told, and still predicted: {n_unclear:,} (see Review).{clash}"
            )
        return f"{_SETTLED}.{clash}"

    def _n_unclear(self) -> int:
        """Predicted items that were refused too often to be asked about again."""
        stands = self._present.standing()
        with self._lock:
            answers, knowledge = self._ledger.answers, self._ledger.knowledge
        return int(((unclear(answers.silent, knowledge.n_told) > HOPELESS) & (stands.source == PREDICTED)).sum())

    def _shown(self, page: str, question: Question, expires: float) -> Page:
        with self._lock:
            group = self._ledger.knowledge.group
        fellows = np.flatnonzero(group == group[question.template])
        fellows = fellows[~np.isin(fellows, question.items)]
        return Page(
            page,
            listing.tile(self._items, question.template),
            listing.exemplars(self._items, self._trainer.published, question.template, fellows),
            tuple(listing.tile(self._items, i) for i in question.items.tolist()),
            question.mode,
            self._present.name(question.template),
            expires,
        )
