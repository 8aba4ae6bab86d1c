"""Entry point of Sweep: a tick of the schedule in, what was done out."""

from timus_autotask import bootstrap

handler = bootstrap.sweep()
