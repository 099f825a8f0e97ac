import subprocess
import sys

import numpy as np
import pytest
import torch

from pal.encoders.networks import MLP, ResNet18, SmallConvNet, WordNet, build
from pal.encoders.trained import TrainedEncoder, load_network, save_network
from pal.errors import InvalidInputError
from pal.training.export import export_encoder

NETWORKS = {
    "small": (lambda: SmallConvNet(channels=1, width=16), (1, 12, 12)),
    "resnet18": (lambda: ResNet18(width=8), (3, 16, 16)),
    "mlp": (lambda: MLP(7, hidden=(9, 8), n_features=5), (7,)),
}


def used(network, shape):
    """A network whose batch norms have seen something."""
    network.train()
    with torch.no_grad():
        network(torch.rand(8, *shape))
    return network.eval()


def test_sizes():
    count = lambda network: sum(p.numel() for p in network.parameters())  # noqa: E731
    assert count(SmallConvNet()) == 102_752
    assert count(ResNet18()) == 11_168_832  # ResNet-18 for ImageNet, less its classifier and the larger stem
    assert ResNet18().n_features == 512


@pytest.mark.parametrize("name", NETWORKS)
def test_a_saved_network_is_the_same(tmp_path, name):
    make, shape = NETWORKS[name]
    network = used(make(), shape)
    path = save_network(network, tmp_path / "deep" / "encoder.safetensors", item_shape=shape, note="hello")
    loaded, about = load_network(path)
    x = torch.rand(5, *shape)
    with torch.no_grad():
        assert torch.equal(loaded(x), network(x))
    assert about["note"] == "hello"
    assert about["item_shape"] == list(shape)
    assert not loaded.training


@pytest.mark.parametrize("name", NETWORKS)
def test_onnx_gives_the_same_features_for_any_batch(tmp_path, name):
    pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    make, shape = NETWORKS[name]
    network = used(make(), shape)
    (path,) = export_encoder(network, tmp_path, item_shape=shape, formats=["onnx"])
    for b in (1, 3):
        x = torch.rand(b, *shape)
        with torch.no_grad():
            expected = network(x).numpy()
        (found,) = ReferenceEvaluator(str(path)).run(None, {"items": x.numpy()})
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.slow
def test_plain_torch_loads_the_program(tmp_path):
    make, shape = NETWORKS["small"]
    network = used(make(), shape)
    export_encoder(network, tmp_path, item_shape=shape, formats=["torch"])
    x = torch.rand(3, *shape)
    torch.save(x, tmp_path / "x.pt")
    code = (
        f"import torch; z = torch.export.load({str(tmp_path / 'encoder.pt2')!r}).module()(torch.load("
        f"{str(tmp_path / 'x.pt')!r})); torch.save(z.detach(), {str(tmp_path / 'z.pt')!r}); "
        "import sys; assert 'pal' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with torch.no_grad():
        torch.testing.assert_close(torch.load(tmp_path / "z.pt"), network(x), atol=1e-5, rtol=1e-4)


@pytest.mark.slow
def test_a_net_of_words_leaves_too(tmp_path):
    onnx = pytest.importorskip("onnx.reference")
    network = WordNet(n_words=50, width=4).eval()
    _, program, path = export_encoder(network, tmp_path, item_shape=(9,))
    x = torch.randint(0, 51, (4, 9))
    x[0], x[1, 3:] = 0, 0  # a text without a word, and a short one
    with torch.no_grad():
        expected = network(x)
        torch.testing.assert_close(torch.export.load(program).module()(x), expected)
    (found,) = onnx.ReferenceEvaluator(str(path)).run(None, {"items": x.numpy()})
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_a_trained_encoder_encodes_pictures(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    network = used(SmallConvNet(channels=3, width=16), (3, 12, 12))
    path = save_network(network, tmp_path / "encoder.safetensors", item_shape=(3, 12, 12))
    encoder = TrainedEncoder(path)
    pixels = np.random.default_rng(0).integers(0, 255, (2, 12, 12, 3), dtype=np.uint8)
    found = encoder([Image.fromarray(p) for p in pixels])
    with torch.no_grad():
        expected = network(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255.0).numpy()
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)
    assert encoder([Image.new("L", (50, 30))]).shape == (1, encoder.n_features)
    assert encoder.name.startswith("trained-")
    other = save_network(used(SmallConvNet(width=16), (3, 12, 12)), tmp_path / "other", item_shape=(3, 12, 12))
    assert TrainedEncoder(other).name != encoder.name


def test_dropout_makes_views_of_a_text_while_it_is_trained_only():
    torch.manual_seed(0)
    network, x = WordNet(n_words=50, width=32), torch.arange(1, 51).reshape(10, 5)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))
    # A file of before dropout was an option.
    assert build({"network": "words", "n_words": 50, "width": 4, "n_features": 8}).dropout.p == 0.1


def test_words_are_saved_too(tmp_path):
    network = WordNet(n_words=50, width=4).eval()
    loaded, _ = load_network(save_network(network, tmp_path / "e", item_shape=(9,)))
    x = torch.randint(0, 51, (4, 9))
    with torch.no_grad():
        assert torch.equal(loaded(x), network(x))


def test_what_is_refused(tmp_path):
    path = tmp_path / "encoder.safetensors"
    with pytest.raises(InvalidInputError, match="isn't an encoder"):
        load_network(path)
    path.write_bytes(b"\x80\x04not tensors")
    with pytest.raises(InvalidInputError, match="isn't an encoder"):
        load_network(path)
    with pytest.raises(InvalidInputError, match="no description"):
        save_network(torch.nn.Linear(2, 2), path, item_shape=(2,))
    with pytest.raises(InvalidInputError, match="unknown network 'nonsense'"):
        build({"network": "nonsense"})
    with pytest.raises(InvalidInputError, match="can't make a network 'mlp'"):
        build({"network": "mlp", "width": 3})
    broken = MLP(2, hidden=(), n_features=2)
    with torch.no_grad():
        broken.layers[0].weight.fill_(float("nan"))
    with pytest.raises(InvalidInputError, match="holds NaN"):
        load_network(save_network(broken, path, item_shape=(2,)))
    with pytest.raises(InvalidInputError, match="unknown format 'h5'"):
        export_encoder(MLP(2), tmp_path, item_shape=(2,), formats=["h5"])
