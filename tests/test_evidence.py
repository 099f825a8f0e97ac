"""Evidence: messages are Bayes' rule, and the share of wrong answers is found."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pal.answers import Answers, Question
from pal.evidence import estimate_error, gather, log_likelihoods, messages
from pal.knowledge import known


@given(
    votes=st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=5),
    belief=st.floats(0.01, 0.99),
    error=st.floats(0.01, 0.4),
)
def test_a_message_is_the_likelihood_summed_over_the_other_end(votes, belief, error):
    answers = sum((Answers.of(Question(0, np.array([1])), [v]) for v in votes), Answers.empty())
    evidence = gather(known(2, answers))
    q = np.array([[0.5, 0.5], [belief, 1.0 - belief]])
    to_first = messages(evidence, q, error)[0]
    for c in (0, 1):
        direct = 0.0
        for other in (0, 1):
            right = [v == (1 if c == other else -1) for v in votes]
            direct += q[1, other] * np.prod(np.where(right, 1.0 - error, error))
        np.testing.assert_allclose(np.exp(to_first[c]), direct, rtol=1e-9)


def test_likelihoods_mirror_one_another():
    evidence = gather(known(3, Answers.of(Question(0, np.array([1, 2])), [1, -1])))
    same, differ = log_likelihoods(evidence, 0.1)
    np.testing.assert_allclose(same, differ[::-1])


def test_the_share_of_wrong_answers_is_found():
    rng = np.random.default_rng(0)
    label = np.arange(60) % 3
    found = {}
    for error in (0.0, 0.1, 0.2):
        answers = Answers.empty()
        for template in range(12):
            items = np.delete(np.arange(60), template)
            right = np.where(label[items] == label[template], 1, -1)
            answers += Answers.of(Question(template, items), np.where(rng.random(59) < error, -right, right))
        evidence = gather(known(60, answers))
        belief = np.eye(3)[label[evidence.item]]
        flat = np.full((60, 3), 1 / 3)
        found[error] = estimate_error(evidence, evidence.sums(), belief, flat, np.zeros(60, dtype=bool))
    assert found[0.0] < 0.02
    assert abs(found[0.1] - 0.1) < 0.03
    assert abs(found[0.2] - 0.2) < 0.05
