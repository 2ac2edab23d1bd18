"""What leaves t3lens for other programs and people: audit formats, evidence bundles, Parquet."""

__all__: list[str] = []
