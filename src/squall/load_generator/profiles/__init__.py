"""Load profiles: a rate λ(t), its integral Λ(t), and the integral's inverse.

One shape, one file, with its mathematics above the code. ``build`` turns a scenario's
specification into a profile. Profiles are frozen, picklable values without a clock.
"""

from squall.load_generator.profiles.build import build, scaled
from squall.load_generator.profiles.burst import Burst
from squall.load_generator.profiles.chaos import Chaos
from squall.load_generator.profiles.ramp_up import RampUp
from squall.load_generator.profiles.scale import Scale
from squall.load_generator.profiles.sequence import Sequence
from squall.load_generator.profiles.sum import Sum
from squall.load_generator.profiles.sustained import Sustained
from squall.load_generator.profiles.wave import Wave

__all__ = [
    "Burst",
    "Chaos",
    "RampUp",
    "Scale",
    "Sequence",
    "Sum",
    "Sustained",
    "Wave",
    "build",
    "scaled",
]
