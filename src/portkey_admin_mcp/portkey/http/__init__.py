"""HTTP/1.1 to Portkey: our own client for direct connections, aiohttp for those through a proxy.

What is in a request or an answer does not matter here; no setting is read here.
"""
