"""Transactional publishing for agents and commands."""

from collections.abc import Sequence

from pipeline.domain.errors import OurMistake
from pipeline.engine.stage import Block, MarkBlock
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.leaders import leaders_known
from pipeline.kafka.transactions import Transactions


class TransactionalPublisher:
    """Publishes blocks, one transaction per call; readers see all of it or nothing.

    ``transactional_id`` names the one who may publish: a second publisher of the same id fences
    the first. ``timeout_s`` is how long a crashed one holds readers back.
    """

    def __init__(
        self, connection: KafkaConnection, transactional_id: str, *, timeout_s: float = 10.0
    ) -> None:
        self._connection = connection
        self._id = transactional_id
        self._timeout_s = timeout_s
        self._transactions: Transactions | None = None
        self._partitions: dict[str, int] = {}

    async def start(self) -> None:
        """Fence earlier publishers of this id and learn the topics. Raises Unavailable, OurMistake.

        May be called again after a failure of ``publish``; what that transaction did is settled
        then, and the caller reads its cursor anew.
        """
        await self.stop()
        topics = await leaders_known(self._connection)
        self._partitions = {topic["topic"]: len(topic["partitions"]) for topic in topics}
        transactions = Transactions(self._connection, self._id, timeout_s=self._timeout_s)
        await transactions.start()
        self._transactions = transactions

    async def stop(self) -> None:
        """Close within a few seconds."""
        transactions, self._transactions = self._transactions, None
        if transactions is not None:
            await transactions.stop()

    def partitions(self, topic: str) -> int:
        """Return the number of partitions. Raises OurMistake if the topic does not exist."""
        name = self._connection.named(topic)
        if name not in self._partitions:
            raise OurMistake(f"Topic {name} does not exist: create the topics first.")
        return self._partitions[name]

    async def publish(self, blocks: Sequence[Block | MarkBlock]) -> list[int]:
        """Commit the blocks in one transaction; return each block's first offset.

        Raises Fenced, Unavailable, OurMistake; after any of them ``start`` comes first, because
        the outcome of this transaction is unknown until then.
        """
        if self._transactions is None:
            raise OurMistake("The publisher was not started.")
        if not blocks:
            return []
        try:
            return await self._transactions.send(blocks)
        except BaseException:
            await self.stop()
            raise
