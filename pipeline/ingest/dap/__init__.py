"""The agent that reads web_logs from DAP, Instructure's Data Access Platform."""
