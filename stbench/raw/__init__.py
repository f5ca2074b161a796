"""Original files: where they lie, whether they are what they should be, how they are fetched. Knows no dataset."""
