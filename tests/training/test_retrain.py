import numpy as np
import pytest

pytest.importorskip("sqlalchemy")

import torch

import pal.training
from pal.cli.app import app
from pal.datasets import open_source
from pal.encoders import get_encoder
from pal.encoders.cache import FeatureCache
from pal.encoders.efficientnet import Lite0
from pal.encoders.trained import TrainedEncoder, as_pictures, load_network
from pal.encoders.words import word_numbers
from pal.errors import InvalidInputError
from pal.export import export
from pal.export.classifier import load_classifier
from pal.export.predicting import predictions
from pal.project import Project
from pal.project.retrain import retrain, settings_for
from pal.store import Answered
from pal.training import Settings
from pal.training.export import export_encoder

FAST = Settings(epochs=3, batch_size=32, device="cpu", precision="32-true")


@pytest.fixture
def vectors(tmp_path):
    """A source of 80 vectors in two classes, and a project in which 20 pages of it have been answered."""
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 2
    x = rng.standard_normal((80, 6)) + 3.0 * labels[:, None]
    source = tmp_path / "things.npz"
    np.savez(source, x=x.astype(np.float32))
    answer(source, tmp_path / "project", lambda name: int(name.split()[-1]) % 2)
    return source, tmp_path / "project", labels


@pytest.fixture
def photos(tmp_path):
    """A folder of 40 pictures, bright or dark, and a project with answers, its features pixels."""
    Image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(40):
        pixels = rng.integers(0, 90, (20, 24, 3)) + 150 * (i % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i:02d}.png")
    answer(folder, tmp_path / "project", lambda name: int(name[:2]) % 2, encoder="pixels")
    return folder, tmp_path / "project"


def answer(source, directory, class_of, *, n_pages=6, **options):
    with Project.create_or_open(source, directory, page_size=5, **options) as project:
        names = dict(zip(project.items.id, project.items.name, strict=True))
        for _ in range(n_pages):
            page = project.page("me")
            template = class_of(names[page.template.id])
            tiles = tuple(tile.id for tile in page.tiles)
            relations = tuple(1 if class_of(names[tile]) == template else -1 for tile in tiles)
            told = {"template": page.template.id, "items": tiles, "relations": relations}
            project.record([Answered(labeler="me", page=page.id, **told)])


def trained(source, directory):
    with Project.create_or_open(source, directory, read_only=True) as project:
        return retrain(project, settings=FAST)


def test_the_project_uses_the_encoder_from_then_on(vectors, tmp_path):
    source, directory, _ = vectors
    left = trained(source, directory)
    with Project.create_or_open(source, directory) as project:
        assert project.features.encoder == left.name
        rows = np.arange(80)
        expected = TrainedEncoder(left.path).encode(project.items.vectors)
        np.testing.assert_array_equal(project.features.raw(rows), expected)
        files = export(project, tmp_path / "out", formats=["classifier"])
        known = project.snapshot().knowledge
    assert left.path.name in {file.name for file in files}
    assert len(np.unique(known.group)) < 80  # the answers are still there
    classifier = load_classifier(tmp_path / "out" / "classifier.safetensors")
    rows, _ = predictions(classifier, open_source(source), home=tmp_path / "out")
    assert len(rows) == 80


@pytest.mark.slow
def test_the_believed_graph_speaks_of_items_that_nobody_asked_about(vectors, monkeypatch):
    source, directory, labels = vectors
    seen = {}
    original = pal.training.fit
    for graph in ("hard", "believed"):
        monkeypatch.setattr(pal.training, "fit", lambda *a, n=graph, **k: seen.update({n: a[2]}) or original(*a, **k))
        with Project.create_or_open(source, directory, read_only=True) as project:
            left = retrain(project, graph=graph, settings=FAST)
            names, p = project.items.name, project.snapshot().published.model.beliefs.probability
    hard, believed = (seen[name].to_dense() for name in ("hard", "believed"))
    np.testing.assert_allclose(believed, 0.5 * np.eye(80) + 0.5 * p @ p.T)
    y = labels[[int(name.split()[-1]) for name in names]]
    alike = (y[:, None] == y) & ~np.eye(80, dtype=bool)
    assert believed[alike].sum() > 2 * hard[alike].sum()
    with Project.create_or_open(source, directory) as project:
        assert project.features.encoder == left.name


def test_an_unknown_graph(vectors):
    source, directory, _ = vectors
    with (
        Project.create_or_open(source, directory, read_only=True) as project,
        pytest.raises(InvalidInputError, match="unknown graph 'soft'; choose one of hard, believed"),
    ):
        retrain(project, graph="soft", settings=FAST)


@pytest.mark.slow
def test_the_encoder_leaves_for_plain_torch_and_onnx(vectors, tmp_path):
    pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    source, directory, _ = vectors
    trained(source, directory)
    with Project.create_or_open(source, directory) as project:
        x, expected = project.items.vectors, project.features.raw(np.arange(80))
        files = export(project, tmp_path / "out", formats=["encoder"])
    assert [file.name for file in files] == ["encoder.safetensors", "encoder.pt2", "encoder.onnx", "manifest.json"]
    with torch.no_grad():
        by_torch = torch.export.load(files[1]).module()(torch.from_numpy(x)).numpy()
    (by_onnx,) = ReferenceEvaluator(str(files[2])).run(None, {"items": x})
    for found in (by_torch, by_onnx):
        np.testing.assert_allclose(found / np.linalg.norm(found, axis=1, keepdims=True), expected, atol=1e-5)


def test_without_an_encoder_of_its_own_nothing_is_written(vectors, tmp_path):
    source, directory, _ = vectors
    with (
        Project.create_or_open(source, directory) as project,
        pytest.raises(InvalidInputError, match="an encoder of its own, this one's is vectors; train one"),
    ):
        export(project, tmp_path / "out", formats=["csv", "encoder"])
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_training_again_goes_on_from_where_it_was(vectors):
    source, directory, _ = vectors
    first = trained(source, directory)
    second = trained(source, directory)
    assert second.name != first.name
    assert first.path.exists()
    assert second.first_loss < first.first_loss


@pytest.mark.slow
def test_pictures_old_features_are_kept(photos, tmp_path):
    source, directory = photos
    left = trained(source, directory)
    assert (directory / "features" / "pixels").is_dir()
    with Project.create_or_open(source, directory) as project:
        assert project.features.encoder == left.name
        assert not project.features.working  # all were encoded before the project turned to them
        assert project.features.raw(np.arange(40)).shape == (40, 128)
        export(project, tmp_path / "out", formats=["classifier"])
        with pytest.raises(InvalidInputError, match=r"go on from takes pictures of 32 × 32, got side 16; leave --side"):
            retrain(project, side=16, settings=FAST)
    classifier = load_classifier(tmp_path / "out" / "classifier.safetensors")
    rows, skipped = predictions(classifier, open_source(source), home=tmp_path / "out")
    assert len(rows) == 40
    assert not skipped
    with pytest.raises(InvalidInputError, match="isn't an encoder that pal wrote"):
        predictions(classifier, open_source(source), home=tmp_path)


@pytest.mark.slow
def test_a_perceptron_on_a_pretrained_encoder(tmp_path):
    pytest.importorskip("efficientnet_lite_pytorch")
    Image = pytest.importorskip("PIL.Image")
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(8):
        pixels = np.random.default_rng(i).integers(0, 90, (20, 24, 3)) + 150 * (i % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i:02d}.png")
    directory = tmp_path / "project"
    answer(folder, directory, lambda name: int(name[:2]) % 2, n_pages=2, encoder="efficientnet-lite0")
    for _ in range(2):  # the second time on top of the first
        left = trained(folder, directory)
        encoder = TrainedEncoder(left.path)
        assert encoder.base == "efficientnet-lite0"
        with Project.create_or_open(folder, directory) as project:
            one = encoder([Image.open(folder / project.items.name[3])])
            np.testing.assert_allclose(project.features.raw(np.array([3])), one, atol=2e-2)  # kept as float16


def test_the_pretrained_network_gives_the_packaged_features():
    pytest.importorskip("efficientnet_lite_pytorch")
    Image = pytest.importorskip("PIL.Image")
    network = Lite0(pretrained=True).eval()
    pixels = np.random.default_rng(0).integers(0, 255, (2, Lite0.side, Lite0.side, 3), dtype=np.uint8)
    with torch.no_grad():
        found = network(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255.0).numpy()
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    expected = get_encoder("efficientnet-lite0")([Image.fromarray(p) for p in pixels])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert sum(p.numel() for p in network.parameters()) == 4_652_008 - 1281 * 1000  # less the classifier
    random = Lite0().state_dict()
    assert not torch.equal(random["layers._conv_stem.weight"], network.state_dict()["layers._conv_stem.weight"])


@pytest.mark.slow
def test_a_pretrained_encoder_is_fine_tuned_from_answers_to_onnx(photos, tmp_path):
    """A project on its features; the encoder itself is trained, used, trained on, and exported: the same everywhere."""
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator
    from PIL import Image

    folder, directory = photos
    side, names = 64, []
    for network in ("fine-tune", "auto"):  # the second time it goes on
        with Project.create_or_open(folder, directory, read_only=True) as project:
            before = project.features.encoder
            settings = settings_for(project, network=network, epochs=2, batch_size=8, device="cpu", precision="32-true")
            assert settings.learning_rate < Settings().learning_rate
            left = retrain(project, network=network, side=side, settings=settings)
        names.append(left.name)
        assert (directory / "features" / before).is_dir()  # the old features are still there
        with Project.create_or_open(folder, directory) as project:
            assert project.features.encoder == left.name
            assert not project.features.working
            assert project.features.raw(np.arange(40)).shape == (40, 1280)
    assert len(set(names)) == 2
    network, about = load_network(left.path)
    assert about["network"] == {"network": "efficientnet-lite0"}
    assert about["item_shape"] == [3, side, side]
    start = Lite0(pretrained=True).state_dict()
    moved = {n for n, v in network.state_dict().items() if not torch.allclose(v.float(), start[n].float(), atol=1e-6)}
    assert {"layers._conv_stem.weight", "layers._conv_head.weight"} <= moved
    pixels = as_pictures([Image.open(path) for path in sorted(folder.iterdir())[:3]], (3, side, side))
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255.0
    with torch.no_grad():
        expected = network(x).numpy()
    np.testing.assert_allclose(
        TrainedEncoder(left.path).encode(pixels),
        expected / np.linalg.norm(expected, axis=1, keepdims=True),
        atol=1e-5,
    )
    (path,) = export_encoder(network, tmp_path / "export", item_shape=(3, side, side), formats=["onnx"])
    (found,) = ReferenceEvaluator(str(path)).run(None, {"items": x.numpy()})
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.slow
def test_a_stop_while_encoding_leaves_the_old_features(photos, monkeypatch):
    """The project turns to the new encoder when all its features are there, not before; training goes on later."""
    folder, directory = photos

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FeatureCache, "add", stop)
        with pytest.raises(KeyboardInterrupt):
            trained(folder, directory)
    with Project.create_or_open(folder, directory) as project:
        assert project.features.encoder == "pixels"
        assert project.features.ready.all()
    left = trained(folder, directory)
    with Project.create_or_open(folder, directory) as project:
        assert project.features.encoder == left.name


@pytest.fixture
def sentences(tmp_path):
    """A source of 60 texts on two subjects, with vectors that know nothing of them, and a project with answers."""
    rng = np.random.default_rng(0)
    subjects = [["cat", "dog", "horse", "cow", "sheep", "goat"], ["car", "train", "plane", "ship", "bus", "tram"]]
    texts = [" ".join([*rng.choice(subjects[i % 2], 5), f"number{i}"]) for i in range(60)]
    source, table = tmp_path / "texts.npz", tmp_path / "texts.csv"
    np.savez(source, x=rng.standard_normal((60, 4)).astype(np.float32))
    table.write_text("text\n" + "\n".join(texts) + "\n", encoding="utf-8")
    directory = tmp_path / "texts project"
    answer(source, directory, lambda name: int(name.split()[-1]) % 2)
    return source, directory, texts


@pytest.mark.slow
def test_a_net_of_words_on_texts(sentences, tmp_path):
    source, directory, _ = sentences
    for _ in range(2):  # the second time without being told: it goes on
        with Project.create_or_open(source, directory, read_only=True) as project:
            network = "auto" if project.features.trained else "words"
            settings = settings_for(project, network=network, epochs=10, batch_size=20, device="cpu")
            left = retrain(project, network=network, settings=settings)
    encoder = TrainedEncoder(left.path)
    assert encoder.takes == "texts"
    with Project.create_or_open(source, directory) as project:
        assert project.features.encoder == left.name
        features = project.features.raw(np.arange(60))
        expected = encoder.encode(word_numbers(project.items.text))
        np.testing.assert_array_equal(features, expected)
        labels = np.array([int(name.split()[-1]) % 2 for name in project.items.name])
        export(project, tmp_path / "out", formats=["classifier"])
        rows, _ = predictions(
            load_classifier(tmp_path / "out" / "classifier.safetensors"), project.items, home=tmp_path / "out"
        )
    assert len(rows) == 60
    cosine = features @ features.T
    same = labels[:, None] == labels
    assert cosine[same].mean() > cosine[~same].mean() + 0.3
    with pytest.raises(InvalidInputError, match="was trained on texts, got pictures"):
        encoder([])


@pytest.mark.slow
def test_views_are_those_of_the_kind_of_item(vectors, sentences, monkeypatch):
    """Words are dropped, numbers disturbed: each kind of project gets the views of its kind."""
    used = []
    for name in ("word_views", "vector_views", "simclr_views"):
        original = getattr(pal.training, name)
        monkeypatch.setattr(pal.training, name, lambda *a, o=original, n=name: used.append(n) or o(*a))
    source, directory, _ = vectors
    trained(source, directory)
    source, directory, _ = sentences
    with Project.create_or_open(source, directory, read_only=True) as project:
        retrain(project, network="words", settings=FAST)
    assert used == ["vector_views", "word_views"]


def test_a_network_that_does_not_fit_the_items(vectors):
    source, directory, _ = vectors
    with Project.create_or_open(source, directory, read_only=True) as project:
        with pytest.raises(InvalidInputError, match="a net of words takes texts, got vectors"):
            retrain(project, network="words", settings=FAST)
        with pytest.raises(InvalidInputError, match="a pretrained encoder takes pictures, got vectors"):
            retrain(project, network="fine-tune", settings=FAST)
        with pytest.raises(InvalidInputError, match="unknown network 'nonsense'"):
            settings_for(project, network="nonsense")
        assert settings_for(project, batch_size=7) == Settings(batch_size=7)


def test_nothing_known_yet(tmp_path):
    source = tmp_path / "things.npz"
    np.savez(source, x=np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32))
    Project.create_or_open(source, tmp_path / "project").close()
    with pytest.raises(InvalidInputError, match="no two items are known to be alike yet"):
        trained(source, tmp_path / "project")


def test_the_command(vectors):
    from typer.testing import CliRunner

    source, directory, _ = vectors
    result = CliRunner().invoke(
        app, ["train", str(source), "--project", str(directory), "--epochs", "2", "--device", "cpu"]
    )
    assert result.exit_code == 0, result.output
    assert "the project uses it from the next start on" in result.output
