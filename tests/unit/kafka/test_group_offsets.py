"""What a group has committed is asked until its coordinator knows."""

from typing import cast

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata

from pipeline.kafka.group_offsets import group_offsets

PLACE = TopicPartition("numbers", 0)


class Coordinator:
    """Names no partition for the first questions, as aiokafka does where the answer is an error."""

    def __init__(self, loading: int) -> None:
        self.loading = loading

    async def list_consumer_group_offsets(
        self, group_id: str, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        assert (group_id, partitions) == ("counting", [PLACE])
        self.loading -= 1
        return {} if self.loading >= 0 else {PLACE: OffsetAndMetadata(7, "state")}


async def test_an_answer_without_the_partition_is_asked_for_again() -> None:
    admin = cast(AIOKafkaAdminClient, Coordinator(loading=2))
    found = await group_offsets(admin, "counting", [PLACE])
    assert found == {PLACE: OffsetAndMetadata(7, "state")}
