"""The same functions as one writes them in a day: the peer of ``make bench``.

Powertools Logger, Tracer, Metrics, its resolver with validation, its batch processor and its idempotency; boto3 and httpx at module level,
and pydantic models. In a calm world (every event delivered once and in order, no answer lost, nobody edits a contract) it is right. What becomes of such
designs in another world is in docs/exactness.md.

One table has ``CUSTOMER#<id>`` with ``MAPPING``, ``SUBSCRIPTION#<id>`` and ``SCHEDULED#<event id>`` (index ``due-index``: ``due``, ``day``).
The other one, of Powertools, has the ids of the events that are done.
"""
