"""The private parts of the client libraries that this project relies on are still there."""

import ast
import importlib
import inspect
import re
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipeline.kafka import faust_hooks, frame_hooks, known_topics, producer_hooks, raw_fetch

TESTED = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}
"""Another version needs its sources read again: the hooks, and what is said about them."""

FILES = (faust_hooks, frame_hooks, known_topics, producer_hooks, raw_fetch)
PRIVATE = re.compile("_[a-z]")
REPLACED = raw_fetch.REPLACED | frame_hooks.REPLACED


@pytest.mark.parametrize("package", TESTED)
def test_the_installed_version_is_the_one_the_hooks_were_written_for(package: str) -> None:
    assert version(package) == TESTED[package]


@pytest.mark.parametrize(
    ("place", "name"),
    [(place, name) for file in FILES for place, names in file.HOOKS.items() for name in names],
)
def test_every_hook_exists(place: str, name: str) -> None:
    module, _, attribute = place.partition(":")
    owner = REPLACED.get(attribute) or getattr(importlib.import_module(module), attribute)
    assert hasattr(owner, name) or f"self.{name}" in inspect.getsource(owner)


def test_private_names_of_the_libraries_stand_in_the_files_of_hooks_alone() -> None:
    hooks = {Path(str(module.__file__)) for module in FILES}
    room = next(iter(hooks)).parent
    # The linter refuses a private name of another object unless a line says SLF001.
    assert {path for path in room.glob("*.py") if "SLF001" in path.read_text()} <= hooks


def parameters(function: Any) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


def classes_of(module: ModuleType) -> list[type]:
    classes = [each for each in vars(module).values() if isinstance(each, type)]
    return [each for each in classes if each.__module__ == module.__name__]


def library_bases(owner: type) -> list[type]:
    """Return what a class of ours inherits from the libraries."""
    return [
        base
        for base in owner.__mro__
        if base.__module__.partition(".")[0] in {"aiokafka", "faust", "mode"}
    ]


@pytest.mark.parametrize("module", FILES, ids=lambda module: module.__name__)
def test_overridden_methods_have_the_signatures_of_what_they_replace(module: ModuleType) -> None:
    for owner in classes_of(module):
        for name, ours in vars(owner).items():
            replaced = [vars(base)[name] for base in library_bases(owner) if name in vars(base)]
            if name == "__init__" or not replaced or not inspect.isfunction(ours):
                continue
            wanted, found = parameters(replaced[0]), parameters(ours)
            if found[-1:] == ["_"]:  # the rest is passed over
                wanted = [*wanted[: len(found) - 1], "_"]
            assert found == wanted, f"{owner.__name__}.{name}"


@pytest.mark.parametrize("module", FILES, ids=lambda module: module.__name__)
def test_every_private_name_of_a_library_is_named_as_a_hook(module: ModuleType) -> None:
    """Whether it is asked of another object or meets a class of ours that inherits it."""
    source = inspect.getsource(module)
    asked = {name for owner, name in private_names(source) if owner != "self"}
    met = set()
    for owner in classes_of(module):
        modules = {inspect.getmodule(base) for base in library_bases(owner)}
        theirs = "\n".join(inspect.getsource(each) for each in modules if each is not None)
        names = {*vars(owner), *(name for _, name in private_names(inspect.getsource(owner)))}
        met |= {name for name in names if re.search(rf"\b{name}\b", theirs)}
    named = {name for names in module.HOOKS.values() for name in names}
    private = {name for name in asked | met if PRIVATE.match(name)}
    assert private - named <= {"_replace"}  # a NamedTuple's


def private_names(source: str) -> list[tuple[str, str]]:
    """Return the private attributes that a source looks up, and of what."""
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    return [(ast.unparse(node.value), node.attr) for node in found if PRIVATE.match(node.attr)]


def test_faust_decides_by_the_read_offsets_that_never_remember() -> None:
    drain = inspect.getsource(
        importlib.import_module("faust.transport.consumer").Consumer._drain_messages
    )
    assert "get_read_offset = self._read_offset.__getitem__" in drain
    assert "set_read_offset = self._read_offset.__setitem__" in drain
    assert "if r_offset is None or offset >= r_offset:" in drain


def test_fetched_records_does_not_await_without_a_timeout() -> None:
    """Positions before and after a fetch are compared, so nothing may move them in between."""
    fetcher = importlib.import_module("aiokafka.consumer.fetcher").Fetcher
    source = inspect.getsource(fetcher.fetched_records)
    before_return = source.split("if drained or not timeout:")[0]
    awaits = [line.strip() for line in before_return.splitlines() if "await " in line]
    assert awaits == ["await self._subscriptions.wait_for_assignment()"]
    assert "reassignment_in_progress" in before_return


def test_the_fetcher_makes_what_it_fetched_through_the_three_names_that_are_replaced() -> None:
    fetcher = importlib.import_module("aiokafka.consumer.fetcher")
    source = inspect.getsource(fetcher.Fetcher._proc_fetch_request)
    assert "records = MemoryRecords(part_data[-1])" in source
    assert "if records.has_next():" in source
    assert "elif records.size_in_bytes() > 0:" in source
    assert re.search(
        r"PartitionRecords\(\s+tp,\s+records,\s+aborted_transactions,\s+fetch_offset,\s+"
        r"self._key_deserializer,\s+self._value_deserializer,\s+self._check_crcs,\s+"
        r"self._isolation_level,\s+\)",
        source,
    )
    assert "self._records[tp] = FetchResult(" in source
    assert source.count("records.") == source.count("records.has_next()") + 1
    assert source.count("partition_records") == source.count("partition_records=") + 2


def test_the_fetcher_tells_results_from_errors_by_the_replaced_class_and_asks_it_three_things() -> (
    None
):
    fetcher = importlib.import_module("aiokafka.consumer.fetcher")
    source = inspect.getsource(fetcher.Fetcher.fetched_records)
    assert "if type(res_or_error) is FetchResult:" in source
    assert "records = res_or_error.getall(max_records)" in source
    assert "if not res_or_error.has_more():" in source
    assert set(re.findall(r"res_or_error\.(\w+)", source)) == {"getall", "has_more", "check_raise"}
    backoff = inspect.getsource(fetcher.Fetcher._get_actions_per_node)
    assert "backoff = record.calculate_backoff()" in backoff


def test_a_result_asks_a_partition_s_records_for_their_position_alone() -> None:
    result = raw_fetch.REPLACED["FetchResult"]
    for method in (result.check_assignment, result._update_position):
        asked = re.findall(r"_partition_records\.(\w+)", inspect.getsource(method))
        assert asked == ["next_fetch_offset"]
    ours = parameters(raw_fetch._partition_records)
    assert ours == parameters(raw_fetch.REPLACED["PartitionRecords"].__init__)


def test_a_consumer_hands_its_key_deserializer_to_the_fetcher_unseen() -> None:
    consumer = importlib.import_module("aiokafka.consumer.consumer").AIOKafkaConsumer
    assert set(re.findall(r"self\._key_deserializer\b.*", inspect.getsource(consumer))) == {
        "self._key_deserializer = key_deserializer",
        "self._key_deserializer,",
    }


def test_a_connection_gets_its_answers_from_what_is_replaced_alone() -> None:
    conn = importlib.import_module("aiokafka.conn")
    connection = conn.AIOKafkaConnection
    connecting = inspect.getsource(connection.connect)
    assert "reader = asyncio.StreamReader(limit=READER_LIMIT, loop=loop)" in connecting
    assert "protocol = AIOKafkaProtocol(self._closed_fut, reader, loop=loop)" in connecting
    assert "self._reader, self._writer, self._protocol = reader, writer, protocol" in connecting
    # The task that reads is made before the first request, so it has begun before any answer.
    assert connecting.index("self._create_reader_task()") < connecting.index("_do_version_lookup()")
    assert "create_task(self._read(self_ref))" in inspect.getsource(connection._create_reader_task)
    replaced = frame_hooks.REPLACED["AIOKafkaConnection._read"]
    assert parameters(frame_hooks._read) == ["connection"]
    assert parameters(replaced) == ["self_ref"]
    source = inspect.getsource(conn)
    assert set(re.findall(r"_reader\.\w+", source)) == {"_reader.at_eof"}
    assert set(re.findall(r" reader\.\w+", source)) == {" reader.readexactly"}
    assert inspect.getsource(replaced).count("reader.readexactly(") == 2


def test_a_connection_opens_a_frame_once_and_decoders_only_read_it() -> None:
    conn = importlib.import_module("aiokafka.conn")
    assert re.findall(r"\bio\.\w+.*", inspect.getsource(conn)) == ["io.BytesIO(resp)"]
    handle = inspect.getsource(conn.AIOKafkaConnection._handle_frame)
    assert "correlation_id, request, fut = self._requests[0]" in handle
    assert "response_header = request.parse_response_header(resp)" in handle
    assert "response = resp_type.decode(resp)" in handle
    types = importlib.import_module("aiokafka.protocol.types")
    assert set(re.findall(r"data\.(\w+)\(", inspect.getsource(types))) == {"read"}
    assert "value = data.read(length)" in inspect.getsource(types.Bytes.decode)


def test_aiokafka_takes_ready_batches_as_they_are() -> None:
    accumulator = importlib.import_module("aiokafka.producer.message_accumulator")
    used = inspect.getsource(accumulator.MessageBatch)
    for method in ("record_count()", "closed()", "_set_producer_state(", "_build()"):
        assert f"self._builder.{method}" in used
    assert "isinstance" not in inspect.getsource(accumulator.MessageAccumulator.add_batch)


def test_a_transaction_waits_for_markers_as_long_as_the_hook_says() -> None:
    sender = importlib.import_module("aiokafka.producer.sender")
    assert sender.BACKOFF_OVERRIDE == producer_hooks.MARKERS_S
    source = inspect.getsource(sender.AddPartitionsToTxnHandler.handle_response)
    assert re.search(
        r"is ConcurrentTransactions:\n(\s+#.*\n)*"
        r"\s+if not txn_manager\.txn_partitions:\n\s+return BACKOFF_OVERRIDE\n",
        source,
    )
    used = [line for line in inspect.getsource(sender).splitlines() if "BACKOFF_OVERRIDE" in line]
    assert len(used) == 2
