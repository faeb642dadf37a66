"""All acts in one import: whoever needs the whole registry (pages, API, command line, tests) loads it here."""

import importlib
import pkgutil

from cellbank import services
from cellbank.domain.lifecycle.table import asks_password, is_signed
from cellbank.services.acts import REGISTRY, RegisteredAct

__all__ = ["REGISTRY", "RegisteredAct", "asks_password", "is_signed", "load"]


def load() -> dict[str, RegisteredAct]:
    """Import every service module, so that each registers its acts; returns the registry."""
    for module in pkgutil.walk_packages(services.__path__, f"{services.__name__}."):
        importlib.import_module(module.name)
    return REGISTRY
