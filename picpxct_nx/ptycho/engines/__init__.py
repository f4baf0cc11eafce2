"""The engines by the name a recipe calls them; each file has Params, Memory, init, phase, step and POSITIONS, no more.

`POSITIONS` says what an engine lets positions do: "joint", it finds them itself with object and probe, and the
background too; "between", they may be moved between its iterations; "held", its exit waves belong to the windows where
they are.
"""

from types import ModuleType
from typing import Final

from . import dm, lsqml, ml, pie, raar

ENGINES: Final[dict[str, ModuleType]] = {"dm": dm, "lsqml": lsqml, "ml": ml, "pie": pie, "raar": raar}
