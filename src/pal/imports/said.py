"""What a file or a folder says of one thing."""

from typing import NamedTuple


class Said(NamedTuple):
    """A label: ``names`` by which the thing may be known here, the best first; its class, and that class's parent."""

    names: tuple[str, ...]
    label: str
    parent: str = ""
