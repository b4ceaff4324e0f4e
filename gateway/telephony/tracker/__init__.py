"""From AMI events to call records: a pure state machine, split by family of events.

``names`` and ``people`` read names and numbers; ``model`` and ``state`` hold what is open; ``channels``, ``dial``,
``bridges``, ``transfer``, ``queue``, ``pickup``, ``originate``, ``media`` and ``resync`` handle one family of events
each; ``labels`` derives outcome and missed reason from stored facts; ``summary`` makes the record; ``calls`` is the
door.
"""

from gateway.telephony.tracker.calls import EVENTS, SETTLE, CallTracker
from gateway.telephony.tracker.media import VARIABLES

__all__ = ["EVENTS", "SETTLE", "VARIABLES", "CallTracker"]
