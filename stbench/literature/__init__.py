"""Numbers that others printed: read from tables, held against one another, explained."""
