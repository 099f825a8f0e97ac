"""A project's own encoder for use elsewhere: plain torch, ONNX, safetensors (:mod:`pal.training.export`)."""

from pathlib import Path

from pal.encoders.trained import TrainedEncoder
from pal.errors import InvalidInputError, require_extra
from pal.project import Project


def own_encoder(project: Project, /) -> TrainedEncoder:
    """The encoder that was trained for a project.

    Raises
    ------
    InvalidInputError
        If it has none.
    """
    trained = project.features.trained
    if trained is None:
        raise InvalidInputError(
            f"expected a project with an encoder of its own, this one's is {project.features.encoder}; "
            "train one with pal train, or leave the format encoder out"
        )
    return trained


def write_encoder(trained: TrainedEncoder, out: Path, /) -> list[Path]:
    """Write an encoder as ``encoder.safetensors``, ``encoder.pt2`` and ``encoder.onnx``.

    They hold the network alone: the project's features are its output scaled to length 1, and a perceptron on features
    of another encoder, named as ``base`` in the safetensors file, takes those.

    Raises
    ------
    MissingExtraError
        If torch or onnx isn't installed.
    """
    try:
        from pal.training.export import export_encoder
    except ImportError as error:
        raise require_extra(error.name or "torch", "train") from None
    about = {} if trained.base is None else {"base": trained.base}
    return export_encoder(trained.network, out, item_shape=trained.item_shape, **about)
