"""``overnight doctor``: proves the machine before the night, inside the sandbox that it will use.

A check is one function from a `Patient` to a `Result`, and stands in ``checks/`` by its subject.
What needs facts that no test machine has is judged by pure functions over values.
"""

from overnight.doctor.catalogue import CHECKS, select
from overnight.doctor.check import Check, Group, Result, Status
from overnight.doctor.examination import Diagnosis, Examination
from overnight.doctor.patient import Patient, Wishes, admitted

__all__ = [
    "CHECKS",
    "Check",
    "Diagnosis",
    "Examination",
    "Group",
    "Patient",
    "Result",
    "Status",
    "Wishes",
    "admitted",
    "select",
]
