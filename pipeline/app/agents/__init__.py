"""The live agents, wired: from settings to processes that run for ever."""
