"""The engine of one load worker: one event loop, many connections."""
