"""Encoders from a folder with a model as transformers saves it: config.json and weights in safetensors.

Code in such a folder is never run, weights that need unpickling are refused, and nothing is fetched unless it is asked
for. Pictures: features of the whole picture where the model has them (CLIP, SigLIP), else its class token, else the
mean over places. Texts: pooled as a sentence-transformers folder says, else the mean over words.
"""

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from pal.encoders.protocol import Encoder, Takes
from pal.errors import InvalidInputError, StoreError, require_extra

if TYPE_CHECKING:
    from PIL.Image import Image

PREFIX = "model-"
LINK = ".json"

_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "1_Pooling/*.json")
_LONGEST = 512
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def model_folder(name: str, /, *, allow_download: bool = False) -> Path:
    """Folder of a model: ``name`` itself, or that of the hub's model of this name, fetched only if that is allowed.

    Raises
    ------
    InvalidInputError
        If there is none.
    """
    path = Path(name)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise InvalidInputError(
                f"{path} has no config.json; give a folder that transformers' save_pretrained wrote"
            )
        return path.resolve()
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError:
        raise require_extra("transformers", "models") from None
    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES), local_files_only=not allow_download))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        hint = "check the name" if allow_download else "--allow-download fetches it from the Hugging Face hub"
        raise InvalidInputError(f"no folder and no model on this computer called {name!r}; {hint}") from error


def model_encoder(folder: Path, takes: Takes, /) -> Encoder:
    """Encoder of pictures or texts by the model in a folder.

    Raises
    ------
    InvalidInputError
        If the model can't be loaded, or takes something else.
    MissingExtraError
        If transformers isn't installed.
    """
    if takes == "sounds":
        raise InvalidInputError(f"{folder}: models of sounds aren't supported; use --encoder log-mel")
    return PictureModel(folder) if takes == "pictures" else TextModel(folder)


def link_model(name: str, takes: Takes, home: Path, /, *, allow_download: bool = False) -> Encoder:
    """Encoder by a model in a folder or of the hub, and a file in ``home`` that remembers where it lies.

    Raises
    ------
    InvalidInputError
        As :func:`model_folder` and :func:`model_encoder`.
    """
    folder = model_folder(name, allow_download=allow_download)
    encoder = model_encoder(folder, takes)
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / f"{encoder.name}{LINK}").write_text(
            json.dumps({"folder": str(folder), "takes": takes}), encoding="utf-8"
        )
    except OSError as error:
        raise StoreError(f"can't write to {home}: {error.strerror}; give another --project") from None
    return encoder


def linked_model(link: Path, /) -> Encoder:
    """The model that a file of :func:`link_model` points at.

    Raises
    ------
    InvalidInputError
        If it isn't there any more, or has changed.
    """
    try:
        about = json.loads(link.read_text(encoding="utf-8"))
        folder, takes = Path(about["folder"]), about["takes"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(f"can't read {link}: {error}; give the model's folder with --encoder") from None
    if not (folder / "config.json").is_file():
        raise InvalidInputError(
            f"the model's folder {folder} isn't there any more; put it back, or give another --encoder"
        )
    encoder = model_encoder(folder, takes)
    if f"{encoder.name}{LINK}" != link.name:
        raise InvalidInputError(f"the model in {folder} has changed; give it with --encoder to encode everything anew")
    return encoder


class PictureModel:
    """Features of pictures, scaled to length 1."""

    takes: Takes = "pictures"

    def __init__(self, folder: Path) -> None:
        self.name = model_name(folder)
        self._model, config = _load(folder)
        vision = config.get("vision_config", config)
        about = _json(folder / "preprocessor_config.json")
        self._side = _side(about, vision)
        self._mean = np.array(about.get("image_mean") or _MEAN, dtype=np.float32)
        self._deviation = np.array(about.get("image_std") or _DEVIATION, dtype=np.float32)
        self._has_class = any(
            name.endswith(("cls_token", "class_embedding")) for name, _ in self._model.named_parameters()
        )
        if "pixel_values" not in _inputs(self._model):
            raise InvalidInputError(f"{folder} is no model of pictures; give another --encoder")
        self.picture_size = 2 * self._side
        self.n_features = int(self._features(np.zeros((1, 3, self._side, self._side), dtype=np.float32)).shape[1])

    def __call__(self, pictures: "Sequence[Image]", /) -> Float32[ndarray, "b d"]:
        """Encode a batch."""
        from PIL import Image

        side = self._side
        small = [np.asarray(p.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32) for p in pictures]
        x = (np.stack(small) / 255.0 - self._mean) / self._deviation
        return _unit(self._features(np.ascontiguousarray(x.transpose(0, 3, 1, 2), dtype=np.float32)))

    def _features(self, x: ndarray) -> ndarray:
        import torch

        with torch.inference_mode():
            pixels = torch.from_numpy(x)
            if hasattr(self._model, "get_image_features"):
                found = self._model.get_image_features(pixel_values=pixels)
                return np.asarray(found if hasattr(found, "numpy") else found.pooler_output, dtype=np.float32)
            last = self._model(pixel_values=pixels).last_hidden_state
            places = tuple(range(2, last.ndim)) if last.ndim == 4 else 1
            pooled = last[:, 0] if last.ndim == 3 and self._has_class else last.mean(places)
            return np.asarray(pooled, dtype=np.float32)


class TextModel:
    """Features of texts, scaled to length 1."""

    takes: Takes = "texts"
    picture_size = 0

    def __init__(self, folder: Path, *, name: str | None = None) -> None:
        self.name = model_name(folder) if name is None else name
        self._model, config = _load(folder)
        if "input_ids" not in _inputs(self._model) or "vision_config" in config:
            raise InvalidInputError(f"{folder} is no model of texts; give another --encoder")
        from transformers import AutoTokenizer

        try:
            self._tokens = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError, KeyError) as error:
            raise InvalidInputError(f"can't load the tokenizer in {folder}: {_first_line(error)}") from None
        longest = (
            _json(folder / "sentence_bert_config.json").get("max_seq_length"),
            config.get("max_position_embeddings"),
        )
        self._longest = min(_LONGEST, *(int(n) for n in longest if n))
        self._class_token = bool(_json(folder / "1_Pooling" / "config.json").get("pooling_mode_cls_token"))
        self.n_features = int(config.get("hidden_size") or config["dim"])

    def __call__(self, texts: Sequence[str], /) -> Float32[ndarray, "b d"]:
        """Encode a batch."""
        import torch

        tokens = self._tokens(list(texts), padding=True, truncation=True, max_length=self._longest, return_tensors="pt")
        with torch.inference_mode():
            last = self._model(**tokens).last_hidden_state
            mask = tokens["attention_mask"][:, :, None].to(last.dtype)
            pooled = last[:, 0] if self._class_token else (last * mask).sum(1) / mask.sum(1).clamp(min=1.0)
        return _unit(np.asarray(pooled, dtype=np.float32))


def model_name(folder: Path, /) -> str:
    """The word "model-", the folder's name, and a hash of what is in it: features of other weights are kept apart."""
    from pal.media.pictures import hash_file

    found = hashlib.sha256()
    for file in sorted(file for pattern in _FILES for file in folder.glob(pattern)):
        found.update(f"{file.relative_to(folder).as_posix()} {hash_file(file)}\n".encode())
    plain = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in folder.name)[:40]
    return f"{PREFIX}{plain}-{found.hexdigest()[:12]}"


def _load(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The model as in use, and its configuration."""
    try:
        import torch  # noqa: F401

        _hide_broken_torchvision()
        from transformers import AutoModel
        from transformers.utils import logging
    except ImportError as error:
        raise require_extra(error.name or "transformers", "models") from None
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model = AutoModel.from_pretrained(folder, local_files_only=True, trust_remote_code=False, use_safetensors=True)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise InvalidInputError(
            f"can't load the model in {folder} ({_first_line(error)}); "
            "it needs weights in safetensors, and no code of its own"
        ) from None
    return model.eval(), model.config.to_dict()


def _hide_broken_torchvision() -> None:
    """Let transformers take a torchvision that doesn't fit torch for none: it would load no model with it."""
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return
    except RuntimeError:  # operator torchvision::nms does not exist
        from transformers.utils import import_utils

        real = importlib.util.find_spec
        importlib.util.find_spec = lambda name, package=None: None if name == "torchvision" else real(name, package)
        try:  # it remembers what it found
            import_utils.is_torchvision_available.cache_clear()
            import_utils.is_torchvision_available()
        finally:
            importlib.util.find_spec = real


def _inputs(model: Any) -> set[str]:
    import inspect

    return set(inspect.signature(model.forward).parameters)


def _side(about: dict[str, Any], config: dict[str, Any]) -> int:
    """Pixels on a side of the pictures a model takes."""
    for size in (about.get("crop_size"), about.get("size"), config.get("image_size")):
        found = (
            next((size[key] for key in ("height", "shortest_edge") if key in size), None)
            if isinstance(size, dict)
            else size
        )
        found = found[0] if isinstance(found, list) else found
        if found:
            return int(found)
    return 224


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"can't read {path}: {error}") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _unit(x: ndarray) -> ndarray:
    return (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)).astype(np.float32)
