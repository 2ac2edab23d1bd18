"""Widgets whose page may ask at any time whether their kernel is there; the page's side is ``static/kernel.js``."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import anywidget
import traitlets

__all__ = ["AnsweringWidget"]


class AnsweringWidget(anywidget.AnyWidget):
    """A widget that answers whatever its page says, so that the page can tell when nobody does.

    Args:
        traits: Values of traits, by name.

    Attributes:
        own: The widget's model id, for the page to find the model it belongs to.
    """

    own = traitlets.Unicode().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        name = uuid4().hex
        super().__init__(model_id=name, own=name, **traits)
        self.on_msg(self._asked)

    def _asked(self, _widget: object, message: Any, _buffers: object) -> None:
        if not isinstance(message, dict):
            return
        if message.get("do") == "ping":
            self.send({"here": "ping"})
            return
        self.send({"here": "heard"})
        self._on_message(message)

    def _on_message(self, message: dict[str, Any]) -> None:
        """Do what the page wishes."""
        raise NotImplementedError
