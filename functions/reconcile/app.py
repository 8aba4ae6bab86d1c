"""Entry point of Reconcile: a tick of the schedule in, how far it came out."""

from timus_autotask import bootstrap

handler = bootstrap.reconcile()
