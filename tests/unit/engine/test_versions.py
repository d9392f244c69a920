"""Versions of stages and of recompute never mix up (rule 13)."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.versions import RECOMPUTED, recomputed_version, stage_sequence

generations = st.integers(0, 2**15 - 1)
sequences = st.integers(0, RECOMPUTED - 1)


@given(generations, st.lists(sequences, max_size=5), st.lists(sequences, max_size=5))
def test_records_of_recompute_say_nothing_about_how_far_a_stage_is(
    generation: int, staged: list[int], recomputed: list[int]
) -> None:
    versions = [generation << 48 | sequence for sequence in staged]
    versions += [generation << 48 | RECOMPUTED | sequence for sequence in recomputed]
    assert stage_sequence(pl.Series(versions, dtype=pl.Int64)) == max(staged, default=0)


@given(generations, generations, sequences, sequences)
def test_a_recomputed_version_is_above_the_stored_one_and_all_of_its_generations_stages(
    stored_generation: int, generation: int, stored: int, later: int
) -> None:
    before = stored_generation << 48 | stored
    again = before | RECOMPUTED
    frame = pl.DataFrame({"v": pl.Series([None, before, again], dtype=pl.Int64)})
    new, first, second = frame.select(recomputed_version(pl.col("v"), generation))["v"]
    assert new > generation << 48 | later
    assert first > max(before, generation << 48 | later)
    assert second > again
    assert new >> 48 == generation
    assert first >> 48 == max(stored_generation, generation)
