"""Lend folders for work in progress, as `services.storage.scratch` does for all."""

from services.storage.scratch import scratch, sweep_scratch

__all__ = ["scratch", "sweep_scratch"]
