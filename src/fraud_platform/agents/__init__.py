"""The four agents, how they are run against a deadline, and the coordinator."""
