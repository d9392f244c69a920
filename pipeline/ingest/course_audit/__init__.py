"""The agent that polls the Course Audit log."""
