"""Encoders of texts and of sounds, and which one is taken for what."""

import json

import numpy as np
import pytest

from pal.datasets.arrays import items_of
from pal.datasets.texts import read_text
from pal.encoders import get_encoder, installed_encoders
from pal.encoders.choosing import PATIENCE, encoder_for
from pal.encoders.log_mel import BANDS, LogMel, log_mel, mel_bands
from pal.encoders.tfidf import fit_tfidf, load_tfidf
from pal.encoders.waveform import waveform
from pal.errors import InvalidInputError
from pal.items import Items
from pal.media.sounds import RATE, Sound, resampled

WORDS = {
    "space": "orbit rocket moon shuttle launch",
    "food": "bread butter oven recipe sugar",
    "sport": "goal match team score",
}


def documents(n=90, seed=0):
    rng = np.random.default_rng(seed)
    kinds = list(WORDS)
    y = np.arange(n) % 3
    return [" ".join(rng.choice(WORDS[kinds[k]].split(), 8)) for k in y], y


def texts(n=90):
    found, _ = documents(n)
    return Items(
        "t", "text", tuple(f"{i:064x}" for i in range(n)), tuple(map(str, range(n))), (None,) * n, tuple(found)
    )


def nearest(x, y):
    """Share of rows whose nearest other row is of the same class."""
    near = x @ x.T - 9 * np.eye(len(x))
    return (y[near.argmax(axis=1)] == y).mean()


def test_tfidf_brings_texts_on_one_subject_together():
    found, y = documents()
    encoder = fit_tfidf(found)
    x = encoder(found)
    assert x.shape == (90, encoder.n_features)
    assert x.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, atol=1e-5)
    assert nearest(x, y) == 1.0
    assert np.isfinite(encoder(["", "no such word", "MOON, moon!"])).all()
    np.testing.assert_allclose(encoder(["Moon, ROCKET!"]), encoder(["moon rocket"]), atol=1e-6)


def test_tfidf_equals_scikit_learn_s():
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    found, _ = documents()
    theirs = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, token_pattern=r"(?u)\b\w+\b")
    counts = theirs.fit_transform(found)
    encoder = fit_tfidf(found)
    assert encoder.terms == tuple(theirs.get_feature_names_out())
    np.testing.assert_allclose(encoder.idf, theirs.idf_, rtol=1e-6)
    z = TruncatedSVD(encoder.n_features, random_state=0).fit_transform(counts) if encoder.n_features < 63 else None
    x = encoder(found)
    gram = (counts @ counts.T).toarray() if z is None else z @ z.T / np.outer(*[np.linalg.norm(z, axis=1)] * 2)
    np.testing.assert_allclose(x @ x.T, gram, atol=0.02)


def test_tfidf_is_kept_without_pickle(tmp_path):
    found, _ = documents()
    encoder = fit_tfidf(found)
    path = encoder.save(tmp_path)
    assert path.name == f"{encoder.name}.safetensors"
    again = get_encoder(encoder.name, home=tmp_path)
    np.testing.assert_array_equal(again(found), encoder(found))
    assert again.name == encoder.name
    assert fit_tfidf(found[:60]).name != encoder.name
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InvalidInputError, match="can't read the encoder"):
        load_tfidf(path)
    with pytest.raises(InvalidInputError, match="can't read the encoder"):
        get_encoder("tfidf-0000", home=tmp_path)


def test_few_texts_and_texts_without_words():
    assert fit_tfidf(["one", "two"])(["one", "two", "one"]).shape == (3, 2)
    with pytest.raises(InvalidInputError, match="words that repeat"):
        fit_tfidf(["...", "?!"])


def test_which_encoder_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr("pal.encoders.choosing.installed_encoders", lambda takes: [])
    assert encoder_for(texts(), home=tmp_path).name.startswith("tfidf-")
    assert list(tmp_path.glob("tfidf-*.safetensors"))
    with pytest.raises(InvalidInputError, match=r"--encoder pixels takes pictures, got texts of t"):
        encoder_for(texts(), "pixels", home=tmp_path)
    with pytest.raises(InvalidInputError, match="unknown encoder 'eyes'"):
        encoder_for(texts(), "eyes", home=tmp_path)
    many = texts()
    monkeypatch.setattr("pal.encoders.choosing.installed_encoders", lambda takes: ["minilm"])
    monkeypatch.setattr(type(many), "__len__", lambda items: PATIENCE + 1)
    assert encoder_for(many, home=tmp_path).name.startswith("tfidf-"), "a network would take hours"


@pytest.mark.slow
@pytest.mark.skipif("minilm" not in installed_encoders("texts"), reason="MiniLM isn't installed")
def test_minilm_knows_what_words_mean():
    encoder = get_encoder("minilm")
    x = encoder(["The spacecraft entered orbit.", "A rocket flew to the moon.", "Bake the bread for an hour.", ""])
    assert x.shape == (4, encoder.n_features) == (4, 384)
    assert x[0] @ x[1] > x[0] @ x[2] + 0.1
    alone = encoder(["Bake the bread for an hour."])
    np.testing.assert_allclose(alone[0], x[2], atol=1e-5)


# --- sounds ---


def tone(hertz, seconds=1.0, rate=RATE, level=0.3):
    return Sound((level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32), rate)


def test_bands_cover_all_frequencies_evenly():
    bands = mel_bands()
    assert bands.shape == (BANDS, 257)
    np.testing.assert_allclose(bands.sum(axis=1), 1)
    peaks = bands.argmax(axis=1)
    assert (np.diff(peaks) >= 0).all()


@pytest.mark.parametrize("hertz", [200, 1000, 5000])
def test_a_tone_lights_up_its_band(hertz):
    spectrum = log_mel(tone(hertz))
    frequency = np.fft.rfftfreq(512, 1 / RATE)
    centre = (mel_bands() * frequency).sum(axis=1)
    assert abs(centre[spectrum.mean(axis=1).argmax()] - hertz) < 0.08 * hertz + 20


def test_sounds_of_one_kind_lie_together():
    rng = np.random.default_rng(0)
    sounds, y = [], []
    for _ in range(24):
        low, noise = tone(rng.uniform(150, 400)), rng.standard_normal(RATE).astype(np.float32)
        sounds += [low, Sound(0.1 * noise, RATE), Sound(noise * np.exp(-np.arange(RATE) / 1500), RATE)]
        y += [0, 1, 2]
    x = LogMel()(sounds)
    assert x.shape == (72, LogMel.n_features)
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-6)
    assert nearest(x / np.linalg.norm(x, axis=1, keepdims=True), np.array(y)) > 0.95


def test_loudness_stands_in_one_column():
    loud, quiet = LogMel()([tone(500, level=0.8), tone(500, level=0.2)])
    assert loud[-1] > quiet[-1] + 0.1
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    one, two = LogMel()([Sound(0.5 * noise, RATE), Sound(0.05 * noise, RATE)])
    np.testing.assert_allclose(one[:-1], two[:-1], atol=0.02)


@pytest.mark.parametrize("samples", [1, 10, 400, 401])
def test_short_and_silent_sounds(samples):
    silent = Sound(np.zeros(samples, dtype=np.float32), RATE)
    assert np.isfinite(LogMel()([silent])).all()
    assert waveform(silent, 64).startswith(b"\xff\xd8")


def test_resampling_keeps_a_tone():
    sound = resampled(tone(440, rate=44_100))
    assert (sound.rate, len(sound.samples)) == (RATE, RATE)
    middle = slice(1000, -1000)
    np.testing.assert_allclose(sound.samples[middle], tone(440).samples[middle], atol=2e-3)


def test_a_waveform_is_high_where_it_is_loud():
    import io

    from PIL import Image

    loud_then_quiet = Sound(np.r_[tone(300).samples, 0.02 * tone(300).samples].astype(np.float32), RATE)
    with Image.open(io.BytesIO(waveform(loud_then_quiet, 100))) as picture:
        assert picture.size == (100, 100)
        wave = np.asarray(picture.convert("RGB"), dtype=int)[:40]
    bright = (wave[:, :, 1] > 120).sum(axis=0)
    assert bright[10:40].min() > 25
    assert bright[60:90].max() < 8


# --- texts as files ---


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Zoë".encode(), "Zoë"),
        (b"\xef\xbb\xbfhello", "hello"),
        ("Zoë".encode("latin-1"), "Zoë"),
        ("Zoë".encode("utf-16"), "Zoë"),
        (json.dumps("<b>").encode(), '"<b>"'),
    ],
)
def test_texts_in_old_and_new_letters(tmp_path, data, text):
    (tmp_path / "x.txt").write_bytes(data)
    assert read_text(tmp_path / "x.txt") == text


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "empty"), (b" \n\t", "empty"), (b"ab\0cd", "no text|not a text"), (b"x" * 5_000_000, "too large")],
)
def test_files_that_are_no_texts(tmp_path, data, why):
    (tmp_path / "x.txt").write_bytes(data)
    with pytest.raises(InvalidInputError, match=why):
        read_text(tmp_path / "x.txt")


def test_vectors_need_no_encoder():
    assert items_of(np.eye(3), source="s").kind == "vector"
