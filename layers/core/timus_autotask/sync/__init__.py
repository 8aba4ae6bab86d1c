"""The path of a change, from the webhook to the adjustment in Autotask."""
