"""Agents: raw feed → validated records; one file per feed."""
