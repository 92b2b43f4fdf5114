"""How requests, answers and errors are written: one module for each of AWS's protocols."""
