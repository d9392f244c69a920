"""Tails of counts against scipy's own distributions, and what a baseline learns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.detect.count_tail import Expectation
from pipeline.detect.share_baseline import ShareBaseline, ShareModel

MODEL = ShareModel(prior_share=0.01, prior_shape=1.0, dispersion=0.25, half_life_min=600, clump=1.0)
OF_WAVES = MODEL._replace(max_probability=1e-9)
means = st.floats(0.01, 500)
shapes = st.floats(0.2, 200)
counts = st.integers(1, 400)


@given(means, shapes, counts)
def test_the_tail_is_that_of_the_negative_binomial(mean: float, shape: float, count: int) -> None:
    expected = stats.nbinom.sf(count - 1, shape, shape / (shape + mean))
    assert Expectation(mean, shape).tail(count) == pytest.approx(expected, rel=1e-6, abs=1e-250)


@given(means, counts)
def test_without_scatter_the_tail_is_poissons(mean: float, count: int) -> None:
    expected = stats.poisson.sf(count - 1, mean)
    assert Expectation(mean, 1e9).tail(count) == pytest.approx(expected, rel=1e-2, abs=1e-30)


@given(means, shapes, st.floats(1, 4), st.sampled_from([1e-3, 1e-9]), st.integers(1, 50))
def test_the_cut_is_the_smallest_unlikely_count(
    mean: float, shape: float, clump: float, probability: float, least: int
) -> None:
    usual = Expectation(mean, shape, clump)
    cut = usual.cut(probability, least)
    assert cut >= least
    assert usual.tail(cut) <= probability
    assert cut == least or usual.tail(cut - 1) > probability


@given(means, shapes, counts)
def test_clumps_make_a_high_count_less_surprising(mean: float, shape: float, count: int) -> None:
    if count > 2 * mean + 5:
        alone = Expectation(mean, shape).tail(count)
        assert Expectation(mean, shape, 1.5).tail(count) >= alone


def test_nothing_expected_and_nothing_seen_is_no_surprise() -> None:
    assert Expectation(0.0, 1.0).tail(0) == 1.0
    assert Expectation(0.0, 1.0).tail(1) == 0.0


def test_a_new_key_expects_the_prior() -> None:
    usual = ShareBaseline().expect(5, 100, MODEL)
    assert usual.mean == pytest.approx(1.0)
    assert usual.shape < 1.0


def test_the_share_is_learned_and_gets_surer() -> None:
    baseline = ShareBaseline()
    for minute in range(600):
        baseline.learn(minute, 100, 5, MODEL)
    usual = baseline.expect(600, 100, MODEL)
    assert usual.mean == pytest.approx(5.0, rel=0.02)
    assert usual.shape > 15


def test_the_past_fades_by_event_time_even_without_rows() -> None:
    baseline = ShareBaseline()
    for minute in range(100):
        baseline.learn(minute, 100, 5, MODEL)
    before = baseline.evidence(99, MODEL)
    assert baseline.evidence(99 + 600, MODEL) == pytest.approx(before / 2)


def test_scatter_beyond_poisson_is_learned() -> None:
    steady, wild = ShareBaseline(), ShareBaseline()
    for minute in range(600):
        steady.learn(minute, 1000, 10, MODEL)
        wild.learn(minute, 1000, 20 * (minute % 2), MODEL)
    assert wild.expect(600, 1000, MODEL).shape < steady.expect(600, 1000, MODEL).shape / 5


def after_attacks(model: ShareModel) -> ShareBaseline:
    """Return what days taught: one request in twenty refused, for half an hour each fourth more."""
    baseline = ShareBaseline()
    for minute in range(3 * 1440):
        baseline.learn(minute, 160, 60 if minute % 240 < 30 else 7, model)
    return baseline


def test_a_wave_that_refuses_three_quarters_stands_out_though_days_of_attacks_were_learned() -> (
    None
):
    for model, stands_out in ((MODEL, False), (OF_WAVES, True)):
        usual = after_attacks(model).expect(3 * 1440, 160, model)
        assert (usual.tail(120) <= 1e-9) is stands_out
    # What came in the same days is usual still.
    assert after_attacks(OF_WAVES).expect(3 * 1440, 160, OF_WAVES).tail(40) > 1e-4


@given(st.lists(st.tuples(st.integers(1, 500), st.floats(0, 1)), min_size=1, max_size=200))
def test_scatter_is_learned_up_to_where_a_wave_would_pass_and_never_below_what_is_assumed(
    minutes: list[tuple[int, float]],
) -> None:
    baseline = ShareBaseline()
    for minute, (requests, share) in enumerate(minutes):
        baseline.learn(minute, requests, round(share * requests), OF_WAVES)
    for model in (OF_WAVES, OF_WAVES._replace(dispersion=1.5)):
        usual = baseline.expect(len(minutes) - 1, 1000, model)
        scatter = 1 / usual.shape - 1 / (baseline.errors + model.prior_shape)
        of_wave = stats.gamma.sf(750 / usual.mean, 1 / scatter, scale=scatter)
        assert scatter <= model.dispersion + 1e-9 or of_wave <= 1e-9
        assert scatter <= 2 + 1e-9
