"""What every page and widget shares: style, escaping, tables, stand-alone pages."""
