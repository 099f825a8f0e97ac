"""How a source is to be read, where that isn't plain from the source itself."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pal.media.kinds import FileKind


@dataclass(frozen=True)
class Reading:
    """Choices of a person about a source; the defaults leave everything to what is found.

    Parameters
    ----------
    kind
        What the files of a folder are: "image", "audio" or "text".
    columns
        Columns of a table that are labelled: one of texts or of files, or those of a vector; ``*`` stands for any
        letters.
    ids
        Column with the name of each row.
    table
        Table beside a file of embeddings.
    """

    kind: FileKind | None = None
    columns: tuple[str, ...] = ()
    ids: str | None = None
    table: Path | None = None

    def over(self, before: str | None, /) -> "Reading":
        """These choices where there are some, else those that :meth:`to_json` kept before."""
        if not before:
            return self
        known = json.loads(before)
        return replace(
            self,
            kind=self.kind or known["kind"],
            columns=self.columns or tuple(known["columns"]),
            ids=self.ids or known["ids"],
            table=self.table or (Path(known["table"]) if known["table"] else None),
        )

    def to_json(self) -> str:
        """The choices, to be kept."""
        return json.dumps(asdict(self) | {"table": None if self.table is None else str(self.table.resolve())})
