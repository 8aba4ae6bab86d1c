"""Entry point of ReceiveWebhook: an API Gateway event in, an HTTP answer out."""

from timus_autotask import bootstrap

handler = bootstrap.receive_webhook()
