"""Which encoder for which items: as asked for, else the best installed that is quick enough."""

from pathlib import Path

from pal.encoders import ENCODERS, TRAINED, Encoder, Takes, get_encoder, installed_encoders
from pal.encoders.models import PREFIX as MODEL
from pal.encoders.models import link_model
from pal.encoders.tfidf import PREFIX as TFIDF
from pal.encoders.tfidf import fit_tfidf
from pal.errors import InvalidInputError
from pal.items import Items, Kind

TAKES: dict[Kind, Takes] = {"image": "pictures", "text": "texts", "audio": "sounds"}

PATIENCE = 20_000
"""Texts that are still worth a network by default: a quarter of an hour on one core."""


def encoder_for(
    items: Items, name: str = "auto", /, *, home: Path, seed: int = 0, allow_download: bool = False
) -> Encoder:
    """Encoder of some items.

    Parameters
    ----------
    items
        Pictures, texts or sounds.
    name
        A name of :data:`pal.encoders.ENCODERS`, "tfidf", a name that an encoder of this project has, a folder with a
        model, or the hub's name of one. "auto" takes, for pictures, the best installed; for texts, MiniLM if it is
        installed and there are at most 20,000, else TF-IDF; for sounds, log-mel statistics.
    home
        Folder where what is fitted is kept, and where a model lies.
    seed
        Seed of a fit.
    allow_download
        Whether a model may be fetched from the hub.

    Raises
    ------
    InvalidInputError
        If there is no such encoder, or it takes something else.
    MissingExtraError
        If it isn't installed.
    """
    takes = TAKES[items.kind]
    name = _default(items, takes) if name == "auto" else name
    if name == "tfidf" and items.text is not None:
        fitted = fit_tfidf(items.text, seed=seed)
        fitted.save(home)
        return fitted
    known = name in ENCODERS or name == "tfidf" or name.startswith((TRAINED, TFIDF, MODEL))
    folder = not known and (allow_download or "/" in name or Path(name).is_dir())
    encoder = link_model(name, takes, home, allow_download=allow_download) if folder else get_encoder(name, home=home)
    if encoder.takes != takes and not name.startswith(TRAINED):
        raise InvalidInputError(f"--encoder {name} takes {encoder.takes}, got {takes} of {items.source}; leave it out")
    return encoder


def used_before(name: str, /, *, home: Path) -> str:
    """Name of the encoder that a project used; one fitted to texts is fitted anew where its file stayed behind.

    So a restored project opens, and another server on the same database.
    """
    return "tfidf" if name.startswith(TFIDF) and not any(home.glob(f"{name}.*")) else name


def _default(items: Items, takes: Takes) -> str:
    if takes == "texts":
        return "minilm" if installed_encoders("texts") and len(items) <= PATIENCE else "tfidf"
    return next(iter(installed_encoders(takes)), "pixels" if takes == "pictures" else "log-mel")
