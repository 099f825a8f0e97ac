"""Models from a folder: tiny ones, made here from a configuration and saved."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pal
from pal.encoders import get_encoder
from pal.encoders.choosing import encoder_for
from pal.encoders.models import PictureModel, TextModel, model_encoder, model_folder, model_name
from pal.errors import InvalidInputError
from pal.items import Items

transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")


def pictures(n=3):
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (20 + i, 30, 3), dtype=np.uint8)) for i in range(n)]


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=16, patch_size=8
    )
    folder = tmp_path_factory.mktemp("models") / "tiny vit"
    transformers.ViTModel(config, add_pooling_layer=False).save_pretrained(folder)
    about = {"size": {"height": 16, "width": 16}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(about))
    return folder


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "bert"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "moon", "rocket", "bread"]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=8, hidden_size=12, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        max_position_embeddings=16,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(folder)
    return folder


def test_a_picture_model_equals_the_model_itself(vit):
    encoder = PictureModel(vit)
    x = encoder(pictures())
    assert x.shape == (3, encoder.n_features) == (3, 16)
    small = np.stack([np.asarray(p.resize((16, 16), Image.Resampling.BICUBIC)) for p in pictures()])
    pixels = torch.tensor(small / 127.5 - 1.0, dtype=torch.float32).permute(0, 3, 1, 2)
    with torch.no_grad():
        wanted = transformers.AutoModel.from_pretrained(vit)(pixels).last_hidden_state[:, 0].numpy()
    np.testing.assert_allclose(x, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-5)


def test_a_model_with_convolutions(tmp_path):
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic")
    transformers.ResNetModel(config).save_pretrained(tmp_path)
    assert PictureModel(tmp_path)(pictures()).shape == (3, 12)


def test_a_model_of_pictures_and_texts(tmp_path):
    text = {
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 8,
        "vocab_size": 99,
    }
    vision = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    vision |= {"image_size": 16, "patch_size": 8}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=6)
    transformers.CLIPModel(config).save_pretrained(tmp_path)
    encoder = PictureModel(tmp_path)
    assert encoder(pictures()).shape == (3, 6)
    with pytest.raises(InvalidInputError, match="no model of texts"):
        TextModel(tmp_path)


def test_a_text_model_is_pooled_over_its_words(bert):
    encoder = TextModel(bert)
    x = encoder(["moon rocket", "bread", "moon " * 99])
    assert x.shape == (3, encoder.n_features) == (3, 12)
    np.testing.assert_allclose(encoder(["bread"])[0], x[1], atol=1e-5)  # padding doesn't count
    (bert / "1_Pooling").mkdir(exist_ok=True)
    (bert / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    pooled = TextModel(bert)
    assert pooled.name != encoder.name
    assert np.abs(pooled(["moon rocket"])[0] - x[0]).max() > 1e-3
    with pytest.raises(InvalidInputError, match="no model of pictures"):
        PictureModel(bert)


def test_a_folder_as_encoder_is_remembered(vit, tmp_path):
    ids = tuple(f"{i:064x}" for i in range(2))
    items = Items("s", "image", ids, ("a", "b"), (None, None))
    encoder = encoder_for(items, str(vit), home=tmp_path)
    assert encoder.name == model_name(vit)
    assert encoder.name.startswith("model-tiny-vit-")
    again = get_encoder(encoder.name, home=tmp_path)
    np.testing.assert_array_equal(again(pictures()), encoder(pictures()))
    link = tmp_path / f"{encoder.name}.json"
    about = json.loads(link.read_text())
    assert about == {"folder": str(vit.resolve()), "takes": "pictures"}
    link.write_text(json.dumps(about | {"folder": str(tmp_path)}))
    with pytest.raises(InvalidInputError, match="isn't there any more"):
        get_encoder(encoder.name, home=tmp_path)


def test_a_model_that_changed_is_another(vit, tmp_path):
    import shutil

    shutil.copytree(vit, tmp_path / "m")
    ids = tuple(f"{i:064x}" for i in range(2))
    items = Items("s", "image", ids, ("a", "b"), (None, None))
    name = encoder_for(items, str(tmp_path / "m"), home=tmp_path).name
    about = tmp_path / "m" / "preprocessor_config.json"
    about.write_text(about.read_text().replace("0.5", "0.4"))
    with pytest.raises(InvalidInputError, match="has changed"):
        get_encoder(name, home=tmp_path)


def test_weights_that_need_unpickling_are_refused(vit, tmp_path):
    import shutil

    shutil.copytree(vit, tmp_path / "m")
    model = transformers.AutoModel.from_pretrained(vit)
    torch.save(model.state_dict(), tmp_path / "m" / "pytorch_model.bin")
    (tmp_path / "m" / "model.safetensors").unlink()
    with pytest.raises(InvalidInputError, match="weights in safetensors"):
        PictureModel(tmp_path / "m")


def test_code_in_a_folder_is_not_run(vit, tmp_path):
    import shutil

    shutil.copytree(vit, tmp_path / "m")
    config = json.loads((vit / "config.json").read_text())
    config |= {"model_type": "strange", "auto_map": {"AutoConfig": "evil.C", "AutoModel": "evil.M"}}
    (tmp_path / "m" / "config.json").write_text(json.dumps(config))
    (tmp_path / "m" / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(InvalidInputError, match="can't load the model"):
        PictureModel(tmp_path / "m")
    assert not (tmp_path / "ran").exists()


def test_nothing_is_fetched_unless_asked(tmp_path, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was used"))
    with pytest.raises(InvalidInputError, match="--allow-download fetches it"):
        model_folder("nobody/nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match=r"no config\.json"):
        model_folder(str(tmp_path / "empty"))
    with pytest.raises(InvalidInputError, match="log-mel"):
        model_encoder(tmp_path, "sounds")


@pytest.mark.slow
def test_a_torchvision_that_does_not_fit_torch_is_taken_for_none(tmp_path):
    """Models here need none; transformers would load no model where one is installed that can't be imported."""
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')"
    )
    (tmp_path / "torchvision-0.1.dist-info").mkdir()
    (tmp_path / "torchvision-0.1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: torchvision\nVersion: 0.1\n"
    )
    code = """
from transformers.utils import is_torchvision_available as there
assert there(), "transformers believes what is installed"
from pal.encoders.models import _hide_broken_torchvision
_hide_broken_torchvision()
assert not there()
"""
    path = os.pathsep.join([str(tmp_path), str(Path(pal.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
