from itertools import combinations

import numpy as np
import pytest

from edgewise.symbolic.features import Pool
from edgewise.symbolic.outputs import OUTPUTS, Target
from edgewise.symbolic.screening import NATS_PER_NODE
from edgewise.symbolic.sparse import NATS_PER_TERM, Combination, Dictionary
from edgewise.train.clock import Clock

ROWS, COUNT = 40, 30
LEAST = 1e-30


def pool(count=COUNT, rows=ROWS, seed=1):
    rng = np.random.default_rng(seed)
    return Pool([f"f{k}" for k in range(count)], rng.integers(1, 6, count), rng.normal(size=(count, rows)))


def aim(t, w=None, output=OUTPUTS[0]):
    return Target(output, 1.0, t, np.ones(len(t)) if w is None else w)


def merit(features, target, terms):
    """Nats of the weighted least-squares law with these terms, by ``numpy.linalg``."""
    design = np.column_stack([np.ones(len(target.t)), *features.values[list(terms)]]) * target.w[:, None]
    rest = target.t * target.w
    rest = rest - design @ np.linalg.lstsq(design, rest, rcond=None)[0]
    nodes = sum(int(features.costs[k]) + target.output.cost + 2 for k in terms)
    return len(rest) / 2 * np.log(np.mean(rest**2)) + NATS_PER_NODE * nodes + NATS_PER_TERM * len(terms)


def brute(features, target, sets, keep):
    return sorted((merit(features, target, some), some) for some in sets)[:keep]


def assert_same(found, wanted):
    assert [one.terms for one in found] == [terms for _, terms in wanted]
    assert [one.merit for one in found] == pytest.approx([value for value, _ in wanted], rel=1e-8)


@pytest.fixture(params=["plain", "weighted", "transformed"])
def target(request, rng):
    t = rng.normal(size=ROWS)
    if request.param == "plain":
        return aim(t)
    return aim(t, rng.uniform(0.1, 2.0, ROWS), OUTPUTS[6 if request.param == "transformed" else 0])


@pytest.mark.parametrize("keep", [1, 12, 1000])
def test_the_best_pairs_are_those_of_all_least_squares(target, keep):
    features = pool()
    found = Dictionary(features, target, LEAST).pairs(keep, Clock())
    assert_same(found, brute(features, target, combinations(range(COUNT), 2), keep))


def test_pairs_over_several_blocks_are_the_same(rng):
    features, target = pool(600, 30), aim(rng.normal(size=30))
    found = Dictionary(features, target, LEAST).pairs(5, Clock())
    a = features.values - features.values.mean(1, keepdims=True)
    a /= np.linalg.norm(a, axis=1)[:, None]
    t = target.t - target.t.mean()
    second = [(k, a - np.outer(a @ a[k], a[k]), t - (t @ a[k]) * a[k]) for k in range(600)]
    best = []
    for k, others, rest in second:  # Gram-Schmidt, the other way round
        size = np.linalg.norm(others, axis=1)
        left = rest @ rest - np.where(size > 1e-6, others @ rest / np.maximum(size, 1e-6), 0) ** 2
        nodes = features.costs + features.costs[k] + 4
        values = 15 * np.log(left / 30) + NATS_PER_NODE * nodes + 2 * NATS_PER_TERM
        best += [(values[j], (k, j)) for j in range(k + 1, 600)]
    assert_same(found, sorted(best)[:5])


@pytest.mark.parametrize("keep", [1, 10, 200])
def test_triples_are_the_best_of_those_that_hold_a_pair_of_the_beam(target, keep):
    features = pool()
    dictionary = Dictionary(features, target, LEAST)
    beam = dictionary.pairs(8, Clock())
    triples = {tuple(sorted({*one.terms, k})) for one in beam for k in range(COUNT)}
    wanted = brute(features, target, [some for some in triples if len(some) == 3], keep)
    assert_same(dictionary.extended(beam, keep, Clock()), wanted)


def test_beams_of_many_are_extended_in_blocks_alike(rng):
    features, target = pool(), aim(rng.normal(size=ROWS))
    dictionary = Dictionary(features, target, LEAST)
    beam = dictionary.pairs(200, Clock())
    triples = {tuple(sorted({*one.terms, k})) for one in beam for k in range(COUNT)}
    wanted = brute(features, target, [some for some in triples if len(some) == 3], 20)
    assert_same(dictionary.extended(beam, 20, Clock()), wanted)


def test_planted_terms_are_found_term_by_term(rng):
    features = pool(400, 80)
    t = 1 + features.values[[7, 150, 151, 399]].T @ [2.0, -1.0, 0.5, 0.3] + 1e-4 * rng.normal(size=80)
    dictionary = Dictionary(features, aim(t), LEAST)
    found = dictionary.pairs(50, Clock())
    for _ in range(2):
        found = dictionary.extended(found, 50, Clock())
    assert found[0].terms == (7, 150, 151, 399)


def collinear():
    """Twins, multiples, sums of others, flat and undefined features among ordinary ones."""
    features = pool(12)
    v = features.values
    v[1], v[2], v[3] = v[0], -3 * v[0] + 5, v[4] + v[5]
    v[6], v[7], v[8] = 2.0, np.nan, 0.0
    v[9, 3] = np.inf
    return features


def test_collinear_and_undefined_features_do_no_harm(rng):
    features = collinear()
    target = aim(features.values[4] - 2 * features.values[5] + 0.1 * rng.normal(size=ROWS))
    dictionary = Dictionary(features, target, LEAST)
    assert dictionary.numbers.tolist() == [0, 1, 2, 3, 4, 5, 10, 11]
    with np.errstate(all="raise"):
        found = dictionary.pairs(100, Clock())
        longer = dictionary.extended(found, 100, Clock())
        longest = dictionary.extended(longer, 100, Clock())
    for size, some in ((2, found), (3, longer), (4, longest)):
        usable = [one for one in some if one.merit < np.inf]
        assert all(np.isfinite(one.merit) or one.merit == np.inf for one in some)
        for one in usable:
            terms = dictionary.numbers[list(one.terms)]
            assert len(set(one.terms)) == size
            assert one.merit >= merit(features, target, terms) - 1e-6
    wanted = merit(features, target, (4, 5))
    best = dictionary.numbers[list(found[0].terms)].tolist()
    assert set(best) <= {3, 4, 5}
    assert found[0].merit <= wanted + 1e-9


def test_a_triple_never_holds_a_term_twice_even_of_an_exact_law():
    features = pool(5)
    target = aim(features.values[0] + features.values[1])
    dictionary = Dictionary(features, target, 1e-30)
    longer = dictionary.extended(dictionary.pairs(10, Clock()), 100, Clock())
    assert all(len(set(one.terms)) == 3 for one in longer if one.merit < np.inf)
    assert not any(np.isnan(one.merit) for one in longer)


def test_an_empty_or_single_dictionary_has_no_pairs(rng):
    for count in (0, 1):
        dictionary = Dictionary(pool(count), aim(rng.normal(size=ROWS)), LEAST)
        assert dictionary.pairs(5, Clock()) == []
        assert dictionary.extended([], 5, Clock()) == []


def test_no_time_no_pairs(rng):
    dictionary = Dictionary(pool(), aim(rng.normal(size=ROWS)), LEAST)
    assert dictionary.pairs(5, Clock(1e-9)) == []
    assert dictionary.extended([Combination(0.0, (0, 1))], 5, Clock(1e-9)) == []
