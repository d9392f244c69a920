"""Request stats → anomalies; one file per detector. Pure."""
