"""A general detector on public data in the layout of the Numenta Anomaly Benchmark."""
