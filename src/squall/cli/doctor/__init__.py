"""``squall doctor``: is this machine fit for a run, and how much can it drive?"""

from squall.cli.doctor.command import doctor

__all__ = ["doctor"]
