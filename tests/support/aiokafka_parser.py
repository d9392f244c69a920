"""aiokafka's own record parser, as it is before this project's hooks replace it."""

from pipeline.kafka.raw_fetch import REPLACED

PartitionRecords = REPLACED["PartitionRecords"]
