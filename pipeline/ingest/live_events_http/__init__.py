"""The agent that Canvas posts Live Events to."""
