"""When an event was first received: what a replay or an archived record says of it, checked."""

from __future__ import annotations

import re
from typing import Final

from secgraph.contract import RECEIVED_ON_ATTRIBUTE
from secgraph.ingest.ports import Delivery

_MOMENT: Final = re.compile("[0-9]{1,15}")


def delivery(id_: str, body: str, *, arrived: int, given: object, now: int) -> Delivery:
    """Make a delivery that counts as received when it is `given` to be, in epoch ms as a number or its
    digits; as it arrived, where None is given.

    A moment that cannot be true is the delivery's problem: the text is kept, and nothing is made up.
    """
    if given is None:
        return Delivery(id_, body, arrived)
    if not isinstance(given, bool) and _MOMENT.fullmatch(str(given)) and 0 < int(str(given)) <= now:
        return Delivery(id_, body, int(str(given)))
    return Delivery(
        id_,
        body,
        arrived,
        f"{RECEIVED_ON_ATTRIBUTE}: {str(given)[:40]!r} is no time at which this event can have been received;"
        " give epoch milliseconds that are not in the future, or leave it away",
    )
