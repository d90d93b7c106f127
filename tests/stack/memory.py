"""The memory of containers, watched while tests use them."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from .pod import Pod

SECONDS = 0.5


class Watch:
    """Looks at pods again and again; `peak` is the most that any of them occupied."""

    def __init__(self, pods: Sequence[Pod]) -> None:
        self.peak = 0
        self._pods = pods
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="memory", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(SECONDS):
            self.peak = max(self.peak, *(pod.main.memory() for pod in self._pods))

    def end(self) -> None:
        """Stops looking."""
        self._ended.set()
        self._thread.join()
