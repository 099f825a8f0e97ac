"""The shapes that cross the wire, and how the project's values become them."""

from dataclasses import asdict, fields, is_dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pal.items import Items
from pal.project import GroupInfo, MemberInfo, Page, Progress, TileInfo
from pal.project.infos import tile_info
from pal.store.events import Event, from_dict

ItemId = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the item's content")]
EventId = Annotated[str, Field(pattern="^[0-9a-f-]{32,36}$", description="made by the client, a UUID")]
Word = Annotated[str, Field(min_length=1, max_length=100)]
Name = Annotated[str, Field(max_length=200)]
Relation = Literal[-1, 0, 1]
Reason = Literal["broken", "unsuitable"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Common(_Strict):
    id: EventId
    time: float = Field(ge=0, description="seconds since the epoch, by the client's clock")


class AnsweredIn(_Common):
    """A page answered: the relation of each tile to the template."""

    kind: Literal["answered"]
    page: Word
    template: ItemId
    items: list[ItemId] = Field(max_length=1000)
    relations: list[Relation] = Field(max_length=1000)
    mode: Literal["same", "different"]
    seconds: float = Field(ge=0, default=0.0)
    toggles: list[tuple[ItemId, float]] = Field(default=[], max_length=10_000)
    note: Literal["", "skipped", "unclear"] = ""


class RetractedIn(_Common):
    """An earlier event no longer counts."""

    kind: Literal["retracted"]
    event: EventId


class NamedIn(_Common):
    """The group of an item gets a name."""

    kind: Literal["named"]
    item: ItemId
    name: Name


class FlaggedIn(_Common):
    """An item is broken or unsuitable."""

    kind: Literal["flagged"]
    item: ItemId
    reason: Reason


EventIn = Annotated[AnsweredIn | RetractedIn | NamedIn | FlaggedIn, Field(discriminator="kind")]


class EventsIn(_Strict):
    """Events in the order in which they happened."""

    events: list[EventIn] = Field(max_length=500)


class PagesIn(_Strict):
    """Ids of the pages a client holds."""

    pages: list[Word] = Field(max_length=100)


class RenameIn(_Strict):
    """A new name for the group of ``anchor``; empty takes the name away."""

    anchor: ItemId
    name: Name


class MergeIn(_Strict):
    """Two groups, by their anchors, that are one kind."""

    a: ItemId
    b: ItemId


class PlaceIn(_Strict):
    """Where the group of ``anchor`` belongs; empty takes it out again."""

    anchor: ItemId
    parent: Name


class SplitIn(_Strict):
    """Items that are another kind than the rest of their group."""

    items: list[ItemId] = Field(min_length=1, max_length=1000)
    name: Name = ""


class FlagIn(_Strict):
    """An item not to ask about."""

    item: ItemId
    reason: Reason = "unsuitable"


class AskIn(_Strict):
    """Items to make a page of."""

    items: list[ItemId] = Field(min_length=1, max_length=5000)


class JoinIn(_Strict):
    """The invitation that a link carries."""

    invite: str


class NameIn(_Strict):
    """Name of an account."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]


class InviteIn(NameIn):
    """Name and role of an account."""

    role: Literal["annotator", "reviewer", "administrator"] = "annotator"


class SettingsIn(_Strict):
    """What to change for everybody."""

    rule: str | None = Field(default=None, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$")
    gold: float | None = Field(default=None, ge=0, le=1, description="share of pages with a gold tile")
    second: float | None = Field(default=None, ge=0, le=1, description="largest share of answers asked twice")
    target: float | None = Field(default=None, gt=0, lt=1, description="share of right labels that is aimed at")
    classes: list[Annotated[str, Field(min_length=1, max_length=200)]] | None = Field(
        default=None, max_length=1000, description="names that are offered when a group is named"
    )


class GoldIn(_Strict):
    """Whether an item is gold."""

    item: ItemId
    gold: bool = True


class ExportIn(_Strict):
    """Formats to write."""

    formats: list[Word] = Field(min_length=1, max_length=20)


def to_event(sent: BaseModel, labeler: str) -> Event:
    """Make the log's event; who it is from is the server's word, never the client's."""
    return from_dict(sent.model_dump() | {"labeler": labeler})


def shown(value: Any) -> Any:
    """Show a value made of dataclasses and tiles."""
    if isinstance(value, TileInfo):
        return tile(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: shown(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, list | tuple):
        return [shown(one) for one in value]
    return value


def tile(info: TileInfo) -> dict[str, Any]:
    """Show an item."""
    return {"id": info.id, "name": info.name, "text": info.text, "cells": info.cells}


def page(shown: Page) -> dict[str, Any]:
    """Show a page."""
    return {
        "id": shown.id,
        "template": tile(shown.template),
        "exemplars": [tile(info) for info in shown.exemplars],
        "tiles": [tile(info) for info in shown.tiles],
        "mode": shown.mode,
        "group": shown.group or "",
        "expires": shown.expires,
    }


def progress(now: Progress) -> dict[str, Any]:
    """Show how far the project is."""
    return asdict(now)


def group(info: GroupInfo, items: Items) -> dict[str, Any]:
    """Show a group; its anchor comes first among what stands for it."""
    row = items.row[info.anchor]
    anchor = tile_info(items, row)
    others = [shown for shown in info.exemplars if shown.id != info.anchor]
    return {
        "anchor": info.anchor,
        "name": info.name or "",
        "told": info.told,
        "deduced": info.deduced,
        "predicted": info.predicted,
        "exemplars": [tile(shown) for shown in (anchor, *others)],
        "parent": info.parent or "",
    }


def member(info: MemberInfo) -> dict[str, Any]:
    """Show one member of a group."""
    return tile(info.tile) | {"source": info.source, "probability": info.probability}
