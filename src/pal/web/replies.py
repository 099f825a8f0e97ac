"""The shapes of replies, for the description of the interface.

Replies are not checked against them while they are sent; the tests read real ones.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Source = Literal["told", "deduced", "predicted"]


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Error(_Reply):
    """What went wrong, in one sentence: what was expected, what came, what to do."""

    detail: str


class Tile(BaseModel):
    """An item to show."""

    model_config = ConfigDict(extra="allow")
    id: str = Field(description="SHA-256 of the item's content")
    name: str
    text: str | None


class Progress(_Reply):
    """How far the project is: items by source of their label, groups, pages and tiles answered, seconds spent."""

    n_items: int
    told: int
    deduced: int
    predicted: int
    n_groups: int
    pages: int
    answers: int
    flagged: int
    seconds: float
    position: int = Field(description="of the log")
    encoded: int


class Page(_Reply):
    """A page: which of ``tiles`` are the same kind as ``template``? Leased until ``expires`` (since the epoch)."""

    id: str
    template: Tile
    exemplars: list[Tile] = Field(description="more of the template's group")
    tiles: list[Tile]
    mode: Literal["same", "different"] = Field(description="which tiles a person clicks; answers mean the same in both")
    group: str = Field(description='name of the template\'s group, or ""')
    expires: float


class Asked(_Reply):
    """A page, or why there is none."""

    page: Page | None = None
    done: str | None = None


class NextPage(Asked):
    """A page, or why there is none; and how far the project is."""

    progress: Progress


class Renewed(_Reply):
    """Pages whose leases go on."""

    renewed: list[str]


class Released(_Reply):
    """Pages whose leases have ended."""

    released: list[str]


class Accepted(_Reply):
    """Ids of the events that are on disk now, those sent before included."""

    accepted: list[str]
    progress: Progress


class Written(_Reply):
    """Ids of the events that a request made."""

    events: list[str]
    progress: Progress


class Joined(_Reply):
    """Whom an invitation signed in; the cookie comes with it."""

    name: str
    role: Literal["annotator", "reviewer", "administrator"]


class Group(_Reply):
    """A group: counts of its items by source of their label, the anchor first among what stands for it."""

    anchor: str
    name: str
    told: int
    deduced: int
    predicted: int
    exemplars: list[Tile]
    parent: str


class Groups(_Reply):
    """Every group, largest first."""

    groups: list[Group]
    progress: Progress


class Member(Tile):
    """An item of a group, where its label comes from, and how probable that is."""

    source: Source
    probability: float


class Members(_Reply):
    """Every member of a group, told first."""

    members: list[Member]


class Vote(_Reply):
    """One answer about a pair: +1 alike, −1 unlike, 0 cannot tell."""

    event: str
    labeler: str
    time: float
    relation: int
    page: str
    n_tiles: int


class Pair(_Reply):
    """Two items, the groups they are in, and every answer about the two."""

    a: Tile
    b: Tile
    group_a: str
    group_b: str
    probability: float | None
    votes: list[Vote]


class Pairs(_Reply):
    """Pairs of items, the first the most worth a look."""

    pairs: list[Pair]


class Against(Pairs):
    """Pairs that speak against a merge, and how many there are."""

    count: int


class Contradiction(_Reply):
    """A pair judged unlike, and the chain of pairs judged alike that joins it."""

    pair: Pair
    chain: list[Pair]
    weakest: int | None


class Review(_Reply):
    """What is worth another look."""

    contradictions: list[Contradiction]
    n_contradictions: int
    disagreements: list[Pair]
    doubtful: list[Pair]
    untold: list[Pair]
    audit: list[Pair]
    n_predicted: int


class Flag(_Reply):
    """A flag on an item."""

    event: str
    labeler: str
    time: float
    reason: str


class Item(_Reply):
    """An item, the group it is in, and why."""

    item: Tile
    group: str
    parent: str
    anchor: Tile | None
    source: str
    probability: float
    copies: list[str]
    flags: list[Flag]
    chain: list[Pair]
    pairs: list[Pair]
    me: str


class Audit(_Reply):
    """Accuracy of the predictions, from random items only, with its 95 % interval."""

    right: int
    asked: int
    unsure: int
    low: float
    high: float


class Person(_Reply):
    """What one person did."""

    labeler: str
    pages: int
    answers: int
    unsure: int
    seconds: float = Field(description="median seconds a tile")
    agreement: float | None
    compared: int
    gold: float | None = Field(description="share right of answers about gold tiles")
    gold_asked: int
    sensitivity: float | None = Field(description="estimated share of tiles of the template's kind found alike")
    specificity: float | None = Field(description="estimated share of other tiles found unlike")


class Left(_Reply):
    """What is left until the target."""

    pages: int
    minutes: float
    seconds: float
    own: bool
    audited: bool


class Report(_Reply):
    """Labels by source, accuracy, what is left, and the people."""

    n_items: int
    told: int
    deduced: int
    predicted: int
    flagged: int
    audit: Audit
    low: float
    high: float
    target: float
    to_audit: int
    left: Left
    verdict: Literal["reached", "missed", "open"]
    people: list[Person]
    alpha: float | None = Field(description="Krippendorff's alpha of all people, on the pairs that two or more judged")
    judged: int = Field(description="how many pairs two or more people judged")
    me: str


class Map(_Reply):
    """Items in two dimensions, as columns."""

    id: list[str]
    name: list[str]
    text: list[str | None]
    x: list[float]
    y: list[float]
    group: list[int]
    source: list[int]
    confidence: list[float]
    anchors: list[str]
    group_names: list[str]
    n_items: int


class Formats(_Reply):
    """Formats that can be written of this project."""

    formats: list[str]


class Export(_Reply):
    """An export that was written; it is at ``/exports/{id}.zip``."""

    id: str
    manifest: dict[str, object]
    n_files: int
    n_bytes: int


class Named(_Reply):
    """Whom a request was about."""

    name: str


class Invited(Joined):
    """A link for somebody, to be put behind this server's address; it works once, for so many days."""

    link: str
    days: int


class Account(_Reply):
    """Somebody who may take part; ``invited`` if their link wasn't used yet."""

    name: str
    role: Literal["annotator", "reviewer", "administrator"]
    invited: bool
    me: bool


class Settings(_Reply):
    """What is set for everybody."""

    rule: str
    gold: float
    second: float
    target: float
    classes: list[str]


class Webhook(_Reply):
    """An address that is told what happens, without its secret."""

    url: str
    kinds: list[str]
    said: str


class Team(_Reply):
    """Who takes part, what they did, and what is set for everybody."""

    accounts: list[Account]
    people: list[Person]
    settings: Settings
    gold: list[Tile]
    webhooks: list[Webhook]
    me: str
