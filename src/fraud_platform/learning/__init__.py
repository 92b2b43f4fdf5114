"""Learning from a labelled history: the model, the scorecards and the thresholds."""
