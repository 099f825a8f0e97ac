"""Messages between two processes of ours."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pal.project.wire import receive, send

ARRAYS = st.dictionaries(
    st.text(max_size=5),
    arrays.arrays(
        st.sampled_from(["?", "i1", "i4", "i8", "f4", "f8"]), arrays.array_shapes(min_dims=0, max_dims=3, min_side=0)
    ),
    max_size=4,
)


class Drip(io.RawIOBase):
    """A pipe that gives a byte at a time."""

    def __init__(self, data):
        self._data = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, room):
        return self._data.readinto(room[:1])


@given(ARRAYS, st.dictionaries(st.text(max_size=5).filter(lambda name: name != "arrays"), st.integers(), max_size=3))
def test_what_is_sent_arrives(sent, words):
    pipe = io.BytesIO()
    send(pipe, words, sent)
    send(pipe, {"last": True}, {})
    pipe.seek(0)
    about, came = receive(pipe)
    assert about == words
    assert list(came) == list(sent)
    for name, array in sent.items():
        assert came[name].dtype == array.dtype
        np.testing.assert_array_equal(came[name], array)
    assert receive(pipe) == ({"last": True}, {})


def test_a_transposed_array_keeps_its_places():
    pipe = io.BytesIO()
    array = np.arange(6).reshape(2, 3).T
    send(pipe, {}, {"a": array, "every other": array[:, ::2]})
    pipe.seek(0)
    _, came = receive(pipe)
    np.testing.assert_array_equal(came["a"], array)
    np.testing.assert_array_equal(came["every other"], array[:, ::2])


def test_parts_come_together():
    pipe = io.BytesIO()
    send(pipe, {"n": 1}, {"a": np.arange(5)})
    about, came = receive(io.BufferedReader(Drip(pipe.getvalue()), buffer_size=1))
    assert about == {"n": 1}
    np.testing.assert_array_equal(came["a"], np.arange(5))


@pytest.mark.parametrize("kept", [0, 1, 20, -1])
def test_a_message_that_breaks_off(kept):
    pipe = io.BytesIO()
    send(pipe, {"n": 1}, {"a": np.arange(5)})
    with pytest.raises(EOFError, match="hung up"):
        receive(io.BytesIO(pipe.getvalue()[:kept]))


def test_only_numbers_are_sent():
    pipe = io.BytesIO()
    with pytest.raises(TypeError, match="must be of numbers, got object for b"):
        send(pipe, {}, {"a": np.zeros(2), "b": np.array([None])})
    assert not pipe.getvalue()
