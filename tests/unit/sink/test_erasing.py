"""Deleting what is to be forgotten."""

from pipeline.sink.erasing import forget, subjects, sweep
from pipeline.sink.tables import TABLES
from pipeline.sink.tables.late_rows import LATE_ROWS
from tests.support.fake_clickhouse import FakeClickHouse

REQUEST = "8b6a2f4e-0000-4000-8000-00000000000a"
FROM_LOGS = "DELETE FROM web_logs_store WHERE id IN ('8b6a2f4e-0000-4000-8000-00000000000a')"


def test_subjects_are_canonical_and_what_is_no_id_is_left_out() -> None:
    forgotten = subjects(
        [
            ("request", REQUEST.upper()),
            ("request", REQUEST.replace("-", "")),
            ("request", "x') OR 1=1 --"),
            ("person", "7"),
            ("person", "0"),
            ("person", "seven"),
            ("planet", "3"),
        ]
    )
    assert forgotten == ([REQUEST], [7])


async def test_every_table_with_such_rows_is_asked_in_bounded_statements() -> None:
    clickhouse = FakeClickHouse()
    pairs = [("person", str(person)) for person in range(1, 1202)] + [("request", REQUEST)]
    await forget(clickhouse, subjects(pairs))
    assert FROM_LOGS in clickhouse.log
    assert sum("DELETE FROM live_events_store WHERE request_id" in x for x in clickhouse.log) == 1
    assert sum("DELETE FROM sessions_store" in line for line in clickhouse.log) == 3
    assert not any("{" in line for line in clickhouse.log)


async def test_a_sweep_deletes_where_rows_are_left_what_is_of_those_they_name() -> None:
    swept, forgotten = FakeClickHouse(), FakeClickHouse()
    await sweep(swept)
    assert swept.log == []
    swept.erased_left["request", "web_logs_store"] = [REQUEST]
    swept.erased_left["person", "web_logs_store"] = ["7"]
    swept.erased_left["person", "anomalies_store"] = ["8", "9"]
    await sweep(swept)
    late = "late_rows_store"
    here = subjects([("request", REQUEST), ("person", "7")])
    await forget(forgotten, here, {"web_logs_store", late})
    await forget(forgotten, subjects([("person", "8"), ("person", "9")]), {"anomalies_store", late})
    assert swept.log == forgotten.log
    assert len(swept.log) == 6
    assert FROM_LOGS in swept.log


def test_a_table_that_forgets_people_says_whose_its_rows_are_but_for_late_rows() -> None:
    for table in TABLES:
        assert (table.of_request is None) == (table.request_in is None)
        assert (table.of_person is None) == (table.people_in is None) or table is LATE_ROWS


async def test_late_rows_go_while_the_rows_that_say_whose_they_are_are_still_there() -> None:
    clickhouse = FakeClickHouse()
    await forget(clickhouse, subjects([("person", "7"), ("request", REQUEST)]))
    of_person = [line for line in clickhouse.log if "7" in line.rpartition("WHERE")[2]]
    stores = [line.split()[2] for line in of_person]
    assert stores.index("late_rows_store") < stores.index("web_logs_store")
    assert stores.index("late_rows_store") < stores.index("live_events_store")
    of_request = [line for line in clickhouse.log if line not in of_person]
    assert clickhouse.log == of_person + of_request
