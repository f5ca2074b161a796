"""Where a number comes from: code, machine, citation."""
