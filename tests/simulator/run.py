"""One scenario, from its seed to its end."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from tests.simulator import field_steps, office_steps, server_steps  # noqa: F401  (they say how steps are played)
from tests.simulator.laws import finish
from tests.simulator.ledger import Broken
from tests.simulator.play import Play
from tests.simulator.scenario import Step, draw
from tests.simulator.servers import MemoryServer, Server
from tests.simulator.virtual import Ids, Time, installed


@dataclass(frozen=True)
class Failure:
    """A law that did not hold, or something that fell over on the way."""

    seed: int
    kept: tuple[int, ...]
    """The steps that were played, by their number in the whole scenario."""
    law: str
    """What is broken, in a line."""
    problem: str
    history: tuple[str, ...]

    def text(self) -> str:
        """For a person."""
        listed = ",".join(map(str, self.kept))
        again = f"python -m tests.simulator --seed {self.seed} --keep {listed}"
        return "\n".join([f"seed {self.seed}", *self.history, self.problem, f"again: {again}"])


def simulate(
    seed: int, keep: Collection[int] | None = None, make_server: Callable[[], Server] = MemoryServer,
    observe: Callable[[Play], Any] | None = None, steps: Sequence[Step] | None = None,
) -> Failure | None:  # fmt: skip
    """Play the scenario of a seed, or only some of its steps. What broke, or None.

    ``observe``: looks at the play once all laws have been found to hold. ``steps``: play these instead.
    """
    steps = draw(seed) if steps is None else steps
    kept = tuple(range(len(steps))) if keep is None else tuple(sorted(keep))
    time, ids = Time(), Ids(random.Random(f"ids {seed}"))
    with installed(time, ids), make_server() as server:
        play = Play(server, time, ids)
        try:
            play.play([(number, steps[number]) for number in kept])
            finish(play)
            if observe is not None:
                observe(play)
        except Broken as broken:
            return Failure(seed, kept, str(broken).partition("\n")[0], f"{broken}", tuple(play.told))
        except Exception as problem:  # noqa: BLE001  (whatever falls over is what we look for)
            law = f"{type(problem).__name__}: {problem}".partition("\n")[0]
            return Failure(seed, kept, law, traceback.format_exc(), tuple(play.told))
        finally:
            play.close()
    return None
