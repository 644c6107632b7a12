"""Kinto as a WSGI application, from the file named in KINTO_INI. Runs inside Kinto's own environment."""

from __future__ import annotations

import configparser
import logging.config
import os

from kinto import main

logging.config.fileConfig(os.environ["KINTO_INI"])
_file = configparser.ConfigParser()
_file.read(os.environ["KINTO_INI"])
application = main(dict(_file.items("DEFAULT")), **dict(_file.items("app:main")))
