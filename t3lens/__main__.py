"""``python -m t3lens`` is ``t3lens``."""

from t3lens.cli import main

__all__: list[str] = []

main()
