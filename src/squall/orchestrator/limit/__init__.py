"""The search for the highest rate a target holds, and the law its throughput follows."""
