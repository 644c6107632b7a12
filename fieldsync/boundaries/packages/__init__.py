"""What a tablet takes along: the boundaries in force, in few points, and what has changed in them since.

``outlines``  a version's areas in few points, made once and stored
``compose``   the versions in force now, and the package that they make
``delta``     from one topology to another
``api``       the address
"""
