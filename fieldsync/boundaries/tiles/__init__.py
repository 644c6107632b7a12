"""Vector tiles of layer versions, and the TileJSON that tells a map about them.

``find``      which version, and whether whoever asks may see it
``draw``      one tile, by PostGIS
``describe``  the TileJSON
``api``       the addresses
"""
