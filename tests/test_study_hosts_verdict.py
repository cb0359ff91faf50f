"""Verdicts on rows with planted gains."""

import itertools

import pytest
from scipy import stats

from edgewise.study.hosts.analysis import effect
from edgewise.study.hosts.verdict import Splines, combined, readings, reproduced, side, splines
from study_hosts import installed, named, plan, planted, row, study, table


@pytest.fixture(autouse=True)
def toy():
    with installed():
        yield


def read(*rows, asked=None):
    """The reading of the toy."""
    (found,) = readings(study(asked or plan()), table(*rows))
    return found


@pytest.mark.parametrize(
    ("deep", "shallow", "word"),
    [(0.5, 0.1, "COMPOSITION"), (0.1, 0.5, "FITTING"), (0.3, 0.3, "UNDECIDED")],
)
def test_the_side_follows_planted_gains(deep, shallow, word):
    found = read(*planted({"deep": deep, "shallow": shallow}))
    assert found.word == word
    assert found.composition.mean == pytest.approx(deep - shallow, abs=1e-9)
    assert found.effect.mean == pytest.approx(deep)


def test_random_gains_are_undecided():
    gains = itertools.cycle([0.5, -0.4, 0.1, -0.3, 0.2])
    rows = [
        line
        for condition, seed in itertools.product(("deep", "shallow"), range(4))
        for line in (
            row(condition=condition, seed=seed),
            row(arm="kan", condition=condition, seed=seed, error=0.1 * 10 ** -next(gains)),
        )
    ]
    assert read(*rows).word == "UNDECIDED"


def test_one_seed_is_no_verdict():
    found = read(*planted({"deep": 0.5, "shallow": 0.1}, seeds=1))
    assert found.word == "NOT MEASURED"
    assert found.composition.pairs == 1


def test_headlines_are_judged_with_the_mlp_alone():
    rows = [
        row(arm=arm, condition=place, seed=s, error=e * (1 + 0.1 * s), numbers={"slope": slope + 0.1 * s * slope})
        for s in range(3)
        for arm, place, e, slope in (
            ("mlp", "deep", 0.5, 3.0), ("mlp", "shallow", 0.1, 1.0),
            ("kan", "deep", 0.1, 1.0), ("kan", "shallow", 0.5, 3.0),
        )
    ]  # fmt: skip
    found = read(*rows)
    assert found.headline == "REPRODUCED"
    assert found.contrasts[0].mean == pytest.approx(2.2)
    worse = [line | {"error": 0.6 - line["error"]} for line in rows]
    assert read(*worse).headline == "NOT REPRODUCED"
    assert read(*rows[:4]).headline == "NOT MEASURED"


@pytest.mark.parametrize(
    ("signs", "word"),
    [
        (["positive", "positive"], "REPRODUCED"), (["positive", "negative"], "NOT REPRODUCED"),
        (["positive", "absent"], "NOT MEASURED"), (["open", "absent"], "NOT REPRODUCED"), ([], "NOT MEASURED"),
    ],
)  # fmt: skip
def test_a_headline_needs_all_of_its_contrasts(signs, word):
    assert reproduced(signs) == word


def test_failures_count_as_knowing_nothing():
    rows = [line | {"chance": 1.0} for line in planted({"deep": 0.5, "shallow": 0.5})]
    broken = [
        line | {"status": "failed", "error": None, "chance": None}
        if (line["arm"], line["condition"]) == ("kan", "deep")
        else line
        for line in rows
    ]
    found = read(*broken)
    assert found.effect.mean == pytest.approx(-1.0)
    assert found.word == "FITTING"
    assert (found.failed, found.finished, found.planned) == (3, 12, 27)


def test_half_of_the_gain_by_learned_activations():
    def rows(gain):
        own = planted({"deep": gain, "shallow": 0.0}, arms=("learned",))
        return planted({"deep": 0.4, "shallow": 0.0}) + [line for line in own if line["arm"] == "learned"]

    most, little = read(*rows(0.35)), read(*rows(0.05))
    assert (most.beyond.sign, little.beyond.sign) == ("positive", "negative")
    assert most.learned.mean == pytest.approx(0.35)


def test_equal_time_is_at_the_deep_condition_or_at_one_that_was_asked_for():
    rows = [row(arm="kan", condition=place, seed=s) for place in ("deep", "control") for s in (0, 1)]
    rows += [row(condition=p, seed=s, budget="time:kan") for p in ("deep", "control") for s in (0, 1)]
    assert read(*rows).timed_at == "deep"
    other = read(*rows, asked=plan(equal_time=("control",)))
    assert (other.timed_at, other.in_time.pairs) == ("control", 2)
    nowhere = read(*rows, asked=plan(equal_time=()))
    assert (nowhere.timed_at, nowhere.in_time.pairs) == ("", 0)


@pytest.mark.parametrize(
    ("share", "damage", "still"),
    [(0.3, 0.5, True), (0.04, 0.5, False), (0.3, 0.01, False), (None, 0.5, True), (None, None, None)],
)
def test_it_is_a_kan_while_splines_matter(share, damage, still):
    assert Splines(share, damage).still is still


def test_splines_are_medians_of_the_kan_at_a_condition():
    rows = [
        row(arm=arm, condition=place, seed=s, spline_share=share, spline_damage=1.0 + s)
        for s, share in enumerate([0.1, 0.5, 0.2])
        for arm, place in (("kan", "deep"), ("kan-noise", "deep"), ("kan", "shallow"))
    ]
    rows[0] |= {"spline_damage": None}
    assert splines(table(*rows), "deep") == (0.2, 2.5)
    assert splines(table(*rows), "control") == (None, None)


def test_p_is_adjusted_over_the_hosts_that_were_measured():
    with installed(second=named("second"), third=named("third")):
        rows = [
            line
            for host, spread in (("toy", 0.02), ("second", 0.3))
            for line in planted({"deep": 0.5, "shallow": 0.1}, host=host)
        ]
        for line in rows:  # other seeds of the second host differ more
            if line["arm"] == "kan" and line["condition"] == "deep":
                line["error"] *= {"toy": 1.05, "second": 2.0}[line["host"]] ** line["seed"]
        found = readings(study(plan(), plan("second"), plan("third")), table(*rows))
    plain = [one.composition.p for one in found]
    assert found[0].p == pytest.approx(2 * plain[0])
    assert found[1].p == pytest.approx(max(plain[1], 2 * plain[0]))
    assert found[2].p == 1.0
    assert found[2].word == "NOT MEASURED"


def test_hosts_are_the_unit():
    effects = [effect([mean - 0.1, mean, mean + 0.1]) for mean in (0.2, 0.4, -0.1, 0.5)]
    found = combined([*effects, effect([])])
    assert found.effect.mean == pytest.approx(0.25)
    assert found.effect.interval == pytest.approx(effect([0.2, 0.4, -0.1, 0.5]).interval)
    assert (found.above, found.below) == (3, 1)
    assert found.p_sign == pytest.approx(stats.binomtest(3, 4).pvalue)
    assert combined([]).p_sign == 1.0
    assert side(combined([]).effect) == "NOT MEASURED"
