"""Protocols: which windows, what a model may see, how what it returns is scored. `forecast.py` is the first one."""
