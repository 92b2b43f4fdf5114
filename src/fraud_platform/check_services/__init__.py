"""Local stand-ins for the external services: identity, fraud database, geolocation.

A program of its own, ``fraud-platform checks``. Answers depend only on the query and the seed. How
slow, limited or broken each service is can be changed while it runs, through its control endpoint.
"""
