"""Entry point of ApplyChanges: a batch of wake-ups in, the ones to deliver again out."""

from timus_autotask import bootstrap

handler = bootstrap.apply_changes()
