"""Starts verbs from Hydra configs, and builds the objects that a config describes; no other room knows Hydra.

A verb (`tools/track.py`) is one function of the composed config, decorated with `verb`. `python tools/track.py ...`,
`bytetrack track ...` and, after `pip install` of a wheel, the latter from anywhere are the same call.
"""

from bytetrack.config.arguments import in_quotes
from bytetrack.config.building import build, build_untrusted, plain
from bytetrack.config.composing import compose
from bytetrack.config.places import home
from bytetrack.config.saving import out_folder, save
from bytetrack.config.verbs import console, run_verb, verb

__all__ = ["build", "build_untrusted", "compose", "console", "home", "in_quotes", "out_folder", "plain", "run_verb", "save", "verb"]
