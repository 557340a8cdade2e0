"""The process that a handler lives in: what runs on the engine's own Python, 3.6 included.

`__main__.py` is started with the path of this folder by any Python that has MXNet; it loads customize_service.py as the
platform's MXNet engine does and answers requests that arrive as frames on a socket. The rest of modelarts_local stays
outside, so that a handler which ends its process, takes all memory or never returns takes nothing else with it.
"""
