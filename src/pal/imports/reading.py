"""What a file or a folder says: one label a thing."""

from collections.abc import Callable
from pathlib import Path

from pal.errors import InvalidInputError
from pal.imports.folders import read_folders
from pal.imports.label_studio import read_label_studio
from pal.imports.said import Said
from pal.imports.tables import READERS, read_table


def read_labels(path: Path, /, *, predicted: bool = False) -> list[Said]:
    """Read labels from a table (.csv, .tsv, .jsonl, .parquet), a folder of pictures, or Label Studio's .json.

    Parameters
    ----------
    path
        The file or folder.
    predicted
        Take labels that an export calls predicted, too; they were never told.

    Raises
    ------
    InvalidInputError
        If it can't be read, or holds no label.
    """
    if path.is_dir():
        said = read_folders(path)
    elif path.suffix.lower() == ".json":
        said = _reading(path, read_label_studio)
    elif path.suffix.lower() in READERS:
        said = _reading(path, lambda file: read_table(file, predicted=predicted))
    else:
        raise InvalidInputError(
            f"expected labels in {', '.join([*READERS, '.json'])} or a folder of pictures, got {path}"
        )
    if not said:
        raise InvalidInputError(f"no label found in {path}; is it the right file?")
    return said


def _reading(path: Path, read: Callable[[Path], list[Said]]) -> list[Said]:
    try:
        return read(path)
    except OSError as error:
        raise InvalidInputError(f"can't read {path}: {error.strerror}; give an existing file") from None
    except UnicodeDecodeError:
        raise InvalidInputError(f"{path} isn't UTF-8; save it as UTF-8") from None
