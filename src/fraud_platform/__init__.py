"""The reference system under test: a multi-agent payment fraud platform.

It is a program of its own. squall launches it as a process and talks to it over HTTP; neither
imports the other.
"""

__version__ = "0.1.0"
