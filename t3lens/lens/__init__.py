"""What a user holds: `Lens`, `Thread`, their tables, the cell magic."""
