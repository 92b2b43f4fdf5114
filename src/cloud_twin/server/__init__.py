"""The twin on the wire: one loopback port, AWS's protocols, dispatch, faults and control."""
