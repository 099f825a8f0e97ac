"""Project: asks pages, takes answers, tells where everything stands."""

import contextlib
import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from pal.datasets import Reading, open_source
from pal.encoders.choosing import used_before
from pal.errors import InvalidInputError
from pal.items import Items
from pal.oracles import get_oracle
from pal.project import corrections, listing
from pal.project.checking import Checking
from pal.project.features import HOME, Features
from pal.project.following import following
from pal.project.gold import gilded
from pal.project.infos import GroupInfo, MemberInfo, NoPage, Page, Progress, Recorded, TileInfo
from pal.project.learning import Learning
from pal.project.leases import Leases, OwnLeases
from pal.project.ledger import GOLD, Ledger
from pal.project.opening import claim, default_directory, one_writer, open_store, remembered, stored_leases
from pal.project.paging import Paging, check_size
from pal.project.present import Present
from pal.project.settings import Current
from pal.project.snapshot import Snapshot
from pal.project.standing import Standing
from pal.project.thumbnails import thumbnail
from pal.project.trainer import Published, Trainer
from pal.project.writing import Writing, exchange_of
from pal.store import Answered, Event, Flagged, Named, Placed, Retracted, Store
from pal.store.events import Reason

FIRST = 300
"""Items encoded before the first page."""

SEEN = "seen.jsonl"
"""File of a project with what was seen of the files of its source."""

_FOLLOW = 5.0
"""Seconds between looks at what other servers wrote, beside being told."""


class Project:
    """One annotation project; build it with :meth:`create_or_open`. Any thread may call any method."""

    def __init__(
        self,
        items: Items,
        directory: Path,
        store: Store,
        features: Features,
        *,
        oracle: str = "default",
        page_size: int = 15,
        seed: int = 0,
        lease_seconds: float = 180.0,
        leases: Leases | None = None,
        learning: Learning | None = None,
    ) -> None:
        check_size(page_size)
        self.items = items
        self.directory = directory
        self.store = store
        self.features = features
        self._writing = threading.RLock()  # corrections are worked out one after another; taken before the next
        self._lock = threading.RLock()  # the ledger; never held while the disk is waited for
        self._shared = leases is not None  # other servers lease and write too
        self._leases: Leases = OwnLeases(lease_seconds) if leases is None else leases
        self._ledger = Ledger(items, store.read_after(0))
        self._written = Writing(exchange_of(store), self._ledger, self._lock, self.follow)
        self._cleanup = contextlib.ExitStack()
        self._listeners: list[Callable[[Sequence[Event]], None]] = []
        self._trainer = Trainer(features, self._ledger, self._lock, first=FIRST, seed=seed, learning=learning)
        self.present = Present(items, self._ledger, self._trainer, self._lock)
        self.settings = Current(store)
        self.checking = Checking(items, self._ledger, self.present, self.settings, size=page_size, seed=seed)
        self._paging = Paging(
            items, self._ledger, self.present, self.checking, self._trainer, features, self._leases, self._lock,
            leased=self._leased, oracle=oracle, size=page_size, seed=seed,
        )  # fmt: skip

    @classmethod
    def create_or_open(
        cls,
        source: str | Path,
        directory: Path | None = None,
        *,
        store: str | None = None,
        reading: Reading | None = None,
        encoder: str = "auto",
        allow_download: bool = False,
        oracle: str = "default",
        page_size: int = 15,
        seed: int = 0,
        read_only: bool = False,
        learning: Learning | None = None,
        wait: bool = True,
        scanned: Callable[[int, int], None] | None = None,
        opened: Callable[[Items], None] | None = None,
        encoded: Callable[[int], None] | None = None,
    ) -> Self:
        """Open the project of a source, or start one; returns when the first page can be asked, unless told otherwise.

        Parameters
        ----------
        source
            What :func:`pal.datasets.open_source` takes; it is never changed.
        directory
            Where the project lies; by default ``SOURCE.pal`` beside the source.
        store
            Where the log lies, ``postgresql://…``; by default in the directory.
        reading
            What to take of the source, where that isn't plain; what is left open is as it was before.
        encoder, oracle
            By name; the encoder "auto" is the one used before, or the best installed for what the items are; a folder
            with a model is an encoder too.
        allow_download
            Whether a model of that name may be fetched from the hub.
        page_size
            Tiles a page.
        seed
            Seed of every random choice.
        read_only
            Don't encode and don't hold the project: for looking at one that another process may be using.
        learning
            What makes the models: :class:`pal.project.learning.Here` by default, closed with the project.
        wait
            Whether to return only with the first model; else :meth:`begin` waits for it, and pages say that they will
            come.
        scanned, opened, encoded
            Called with the number of files looked at and of all, with the items, and with the number of items encoded.

        Raises
        ------
        InvalidInputError
            If the source or an option is wrong.
        StoreError
            If the directory can't be used, belongs to another source, or another process holds it.
        """
        get_oracle(oracle)
        directory = default_directory(source) if directory is None else directory
        reading = (reading or Reading()).over(remembered(directory, "reading", store))
        items = open_source(source, reading=reading, cache=directory / SEEN, progress=scanned)
        with contextlib.ExitStack() as cleanup:
            log = open_store(directory, store)
            cleanup.callback(log.close)
            claim(log, items)
            if not read_only:
                cleanup.enter_context(one_writer(directory))
            if encoder == "auto":
                encoder = used_before(log.get_meta("encoder") or encoder, home=directory / HOME)
            features = Features(
                items, directory / "features", encoder=encoder, seed=seed, allow_download=allow_download
            )
            if not read_only:
                log.set_meta("encoder", encoder if items.vectors is not None else features.encoder)
                log.set_meta("reading", reading.to_json())
            items = features.items = items.without(features.broken)
            if opened is not None:
                opened(items)
            leases = stored_leases(log)
            project = cls(
                items, directory, log, features,
                oracle=oracle, page_size=page_size, seed=seed, leases=leases, learning=learning,
            )  # fmt: skip
            cleanup.callback(project._stop)
            if project._shared:
                cleanup.enter_context(following(project, log, seconds=_FOLLOW))
            if read_only and wait and not features.enough:
                raise InvalidInputError(
                    f"nothing is encoded in {directory} yet, so there is no model to look at; "
                    f"make one with: pal annotate {items.source} --project {directory}"
                )
            if not read_only:
                features.start(progress=encoded, on_batch=project._trainer.wake)
            project._trainer.start()
            if wait:
                project.begin()
            project._cleanup = cleanup.pop_all()
        return project

    def close(self) -> None:
        """Stop the threads and close the log; nothing recorded is lost if this is never called."""
        self._cleanup.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self) -> None:
        """Wait for the first model; where nothing is being encoded, it is one of all that there is.

        Raises
        ------
        InvalidInputError
            If there is nothing to make a model of.
        """
        self._trainer.begin()

    # --- pages -------------------------------------------------------------------------------------------------

    def page(self, labeler: str, *, hold: Collection[str] = ()) -> Page | NoPage:
        """Lease the next page: its items are on no other open page. ``hold`` are pages the caller still has open."""
        self._trainer.check()
        return self._paging.page(labeler, hold)

    def ask(self, items: Sequence[str]) -> Page | NoPage:
        """Lease a page made of some items: compared with the group that most of them are in, the least sure first."""
        return self._paging.among(np.array([self._row(item) for item in dict.fromkeys(items)], dtype=np.int64))

    def renew(self, pages: Collection[str]) -> None:
        """Extend the leases of pages that are still open."""
        self._leases.renew(pages)

    def release(self, pages: Collection[str]) -> None:
        """Give back pages that won't be answered: their items may be on others at once."""
        self._leases.release(pages)

    def record(self, events: Sequence[Event]) -> Recorded:
        """Write events, all or none; on disk when this returns. Late and repeated answers are fine.

        Raises
        ------
        InvalidInputError
            If an event names an item or event that isn't there, or retracts what it may not; then nothing is written.
        """
        new, position = self._written(events)
        if not self._shared:  # leases in the store end with the append
            self._leases.release([event.page for event in events if isinstance(event, Answered)])
        self._trainer.wake()
        for listener in self._listeners:
            listener(new)
        return Recorded(tuple(event.id for event in events), position)

    def listen(self, listener: Callable[[Sequence[Event]], None], /) -> None:
        """Call ``listener`` with the new events of each :meth:`record`, once on disk; it must return at once."""
        self._listeners.append(listener)

    @property
    def position(self) -> int:
        """Last position of the log taken in."""
        return self._ledger.position

    def follow(self) -> None:
        """Take in what other servers wrote to the log; nothing to do where there is only this one."""
        if self._shared:
            self._take_in(self.store.read_after(self._ledger.position))

    def settled(self) -> int:
        """Last position of the log taken in, once what is being written now is."""
        return self._written.settled()

    # --- corrections -------------------------------------------------------------------------------------------

    def rename(self, anchor: str, name: str, labeler: str) -> list[Event]:
        """Name the group of an item; an empty name takes the name away."""
        return self._write([Named(labeler=labeler, item=anchor, name=" ".join(name.split()))])

    def place(self, anchor: str, parent: str, labeler: str) -> list[Event]:
        """Put the group of an item under a parent; an empty parent takes it out."""
        return self._write([Placed(labeler=labeler, item=anchor, parent=" ".join(parent.split()))])

    def flag(self, item: str, reason: Reason, labeler: str) -> list[Event]:
        """Take an item out of the questions."""
        return self._write([Flagged(labeler=labeler, item=item, reason=reason)])

    def gild(self, item: str, labeler: str) -> list[Event]:
        """Say that the label of an item is right, so that others can be measured by it.

        Raises
        ------
        InvalidInputError
            If its group has no other item to compare it with.
        """
        with self._writing:
            row, now = self._row(item), self.standing()
            with self._lock:
                answered = self._ledger.answered
            return self._write([gilded(self.items, now, answered, row, labeler=labeler)])

    def ungild(self, item: str, labeler: str) -> list[Event]:
        """Take back one's own gold marks of an item."""
        with self._writing:
            with self._lock:
                answered = self._ledger.answered
            marks = [e for e in answered if (e.page, e.labeler, e.items) == (GOLD, labeler, (item,))]
            return self._write([Retracted(labeler=labeler, event=event.id) for event in marks])

    def merge(self, a: str, b: str, labeler: str) -> list[Event]:
        """Say that the groups of two items are one."""
        with self._writing:
            made = corrections.merge(self._ledger.knowledge, self.items, self._row(a), self._row(b), labeler=labeler)
            return self._write(made)

    def split(self, items: Sequence[str], labeler: str) -> list[Event]:
        """Say that some items are another kind than the rest of their group; only these move."""
        with self._writing:
            rows = [self._row(item) for item in dict.fromkeys(items)]
            made = corrections.split(self._ledger.knowledge, self.standing(), self.items, rows, labeler=labeler)
            return self._write(made)

    def undo(self, labeler: str) -> list[Event]:
        """Retract a labeler's latest page, name, flag or correction; returns what was retracted, [] if nothing was."""
        self.follow()
        with self._writing:
            with self._lock:
                last = self._ledger.last_of(labeler)
            self._write([Retracted(labeler=labeler, event=event.id) for event in last])
            return last

    # --- where things stand --------------------------------------------------------------------------------------

    def model(self) -> Published:
        """The last published model: embedding, beliefs, and what it was fitted on."""
        return self._trainer.published

    def settle(self, *, timeout: float | None = None) -> None:
        """Wait until the model knows every answer recorded before the call."""
        self._trainer.settle(timeout=timeout)

    def standing(self) -> Standing:
        """Where every item stands, by all answers and the last published model."""
        return self.present.standing()

    def now(self) -> Snapshot:
        """Everything at the present position of the log, with the last published model; waits for nothing."""
        return self.present.now()

    def snapshot(self) -> Snapshot:
        """Like :meth:`now`, with a model that knows every answer: for exports and reports."""
        self.settle()
        return self.now()

    def progress(self) -> Progress:
        """How far the project is; in a large one the labels by source are those of a moment ago."""
        now = self.present.recent()
        predicted, deduced, told = now.counts
        with self._lock:
            tally = self._ledger.tally
            return Progress(
                n_items=len(self.items),
                told=told,
                deduced=deduced,
                predicted=predicted,
                n_groups=len(now.anchor),
                pages=tally.pages,
                answers=tally.answers,
                flagged=len({event.item for event in self._ledger.flags}),
                seconds=tally.seconds,
                position=self._ledger.position,
                encoded=self.features.n_ready,
            )

    def groups(self) -> list[GroupInfo]:
        """Every group, largest first, classes and those that may still turn out to be part of one."""
        return listing.groups(self.items, self.now())

    def members(self, anchor: str) -> list[MemberInfo]:
        """Items of the group that an item is in: told, then deduced, then predicted, surest first."""
        return listing.members(self.items, self.now(), self._row(anchor))

    def tile(self, row: int) -> TileInfo:
        """An item to show, by its row."""
        return listing.tile(self.items, row)

    def thumbnail(self, item: str, size: int) -> bytes:
        """Picture of an item as WebP, at most ``size`` pixels on a side."""
        return thumbnail(self.items, self.directory / "thumbnails", item, size)

    # --- parts -------------------------------------------------------------------------------------------------

    def _take_in(self, news: Sequence[tuple[int, Event]]) -> None:
        """Take in all that the log has after a position known here; what others took in meanwhile has no effect."""
        with self._lock:
            for position, event in news:
                self._ledger.add(position, event)
        if news:
            self._trainer.wake()

    def _leased(self) -> Sequence[str]:
        """Items on open pages; what other servers wrote is taken in on the way."""
        items, news = self._leases.look(self._ledger.position)
        self._take_in(news)
        return items

    def _write(self, events: Sequence[Event]) -> list[Event]:
        self.record(events)
        return list(events)

    def _row(self, item: str) -> int:
        if item not in self.items:
            raise InvalidInputError(f"no item {item[:12]}… in this project; reload the page")
        return self.items.row[item]

    def _stop(self) -> None:
        self.features.stop()
        self._trainer.stop()
