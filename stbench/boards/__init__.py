"""Boards: rows of records ranked by a track, published as CSV and page."""
