"""How fast it is, as ratios to floors of the same run. ``make bench`` prints the table of docs/performance.md."""
