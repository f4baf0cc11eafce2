"""The engines by the name a recipe calls them; each file has Params, Memory, init and step and nothing else."""

from types import ModuleType
from typing import Final

from . import dm, lsqml, ml, pie, raar

ENGINES: Final[dict[str, ModuleType]] = {"dm": dm, "lsqml": lsqml, "ml": ml, "pie": pie, "raar": raar}
