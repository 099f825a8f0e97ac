import numpy as np
import pytest

pytest.importorskip("sqlalchemy")

from pal.cli.app import app
from pal.datasets import open_source
from pal.encoders.trained import TrainedEncoder
from pal.errors import InvalidInputError
from pal.export import export
from pal.export.classifier import load_classifier
from pal.export.predicting import predictions
from pal.project import Project
from pal.project.retrain import retrain
from pal.store import Answered
from pal.training import Settings

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


def test_training_again_goes_on_from_where_it_was(vectors):
    source, directory, _ = vectors
    first = trained(source, directory)
    second = trained(source, directory)
    assert second.name != first.name
    assert first.path.exists()
    assert second.first_loss < first.first_loss


def test_pictures_old_features_are_kept(photos, tmp_path):
    source, directory = photos
    left = trained(source, directory)
    assert (directory / "features" / "pixels").is_dir()
    with Project.create_or_open(source, directory) as project:
        assert project.features.encoder == left.name
        assert not project.features.working  # all were encoded before the project turned to them
        assert project.features.raw(np.arange(40)).shape == (40, 128)
        export(project, tmp_path / "out", formats=["classifier"])
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
