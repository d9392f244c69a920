"""Settings, wiring and one file per command."""
