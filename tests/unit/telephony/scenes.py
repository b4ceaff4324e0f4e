"""What many tables share: a customer calls, 101 or 102 rings, 101 answers, asks 103 and gives the customer to it."""

from __future__ import annotations

IN = """
0.0  Newchannel    trunk      Ring     Context=from-trunk Exten=74950000100 CallerIDNum=79261234567
"""

RING_101 = """
0.1  Newchannel    101        Down     Context=from-internal CallerIDNum=101 Of=trunk
0.1  DialBegin     trunk>101           DialString=101
0.2  Newstate      101        Ringing
"""

RING_102 = """
0.1  Newchannel    102        Down     Context=from-internal CallerIDNum=102 Of=trunk
0.1  DialBegin     trunk>102           DialString=102
0.2  Newstate      102        Ringing
"""

ANSWER_101 = """
2.0  DialEnd       trunk>101  Up       DialStatus=ANSWER
2.0  Newstate      trunk      Up
2.1  BridgeEnter   101                 Bridge=b BridgeTechnology=simple_bridge
2.1  BridgeEnter   trunk               Bridge=b BridgeTechnology=simple_bridge
"""

END_101 = """
9.0  HangupRequest trunk
9.0  BridgeLeave   trunk               Bridge=b
9.0  BridgeLeave   101                 Bridge=b
9.0  Hangup        101                 Cause=16
9.0  Hangup        trunk               Cause=16
"""

CONSULTATION = """
4.0  Newchannel    101#2      Ring     Context=from-internal Exten=103 CallerIDNum=101
4.1  Newchannel    103        Down     Context=from-internal CallerIDNum=103 Of=101#2
4.1  DialBegin     101#2>103           DialString=103
4.2  Newstate      103        Ringing
5.0  DialEnd       101#2>103  Up       DialStatus=ANSWER
5.0  Newstate      101#2      Up
5.1  BridgeEnter   103                 Bridge=c BridgeTechnology=simple_bridge
5.1  BridgeEnter   101#2               Bridge=c BridgeTechnology=simple_bridge
"""

JOINED = """
6.0  BridgeLeave   101                 Bridge=b
6.0  BridgeLeave   101#2               Bridge=c
6.0  BridgeLeave   103                 Bridge=c
6.0  BridgeEnter   103                 Bridge=b BridgeTechnology=simple_bridge
6.0  AttendedTransfer -  Result=Success OrigTransfererChannel=101 SecondTransfererChannel=101#2 \
                       TransfereeChannel=trunk TransferTargetChannel=103 DestType=Bridge
6.1  Hangup        101                 Cause=16
6.1  Hangup        101#2               Cause=16
9.0  Hangup        103                 Cause=16
9.0  Hangup        trunk               Cause=16
"""
