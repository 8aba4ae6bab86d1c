"""Entry point of SendDigest: a tick of the schedule in, an e-mail out."""

from timus_autotask import bootstrap

handler = bootstrap.send_digest()
