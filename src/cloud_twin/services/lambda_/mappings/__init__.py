"""Event-source mappings: streams read in order and handed to functions in batches."""
