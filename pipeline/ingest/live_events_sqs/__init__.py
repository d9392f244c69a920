"""The agent for Live Events that Canvas puts on an SQS queue."""
