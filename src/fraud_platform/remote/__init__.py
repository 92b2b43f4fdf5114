"""What every call to something outside needs: a breaker, a pace, a backoff, a cache.

All of it is told the time by a clock in seconds that never goes back, and none of it waits.
"""
