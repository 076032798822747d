"""Messages of the night to somebody who is not there."""

from overnight.doctor.check import Group, Result, checks, failed, ok, skipped
from overnight.doctor.patient import Patient
from overnight.notify import check_urls, deliver_now


def urls(patient: Patient) -> Result:
    """Every URL for messages can be used, and the variables in it are set."""
    found = patient.study.notify.urls
    if not found:
        return skipped(
            "Nobody is told of the night.", fix="Name urls in [notify], if you want to be."
        )
    check_urls(found)
    return ok(f"Messages can be sent to {len(found)} URLs.")


def delivery(patient: Patient) -> Result:
    """A message arrives."""
    study = patient.study
    if not study.notify.urls:
        return skipped("Nobody is told of the night.")
    if not patient.wishes.notify:
        return skipped("No message was sent.", fix="Send one with --notify.")
    complaints = deliver_now(study.notify.urls, study=study.name)
    if complaints:
        return failed(
            complaints[0],
            fix="Check the URL and its variables in [notify], and the network.",
            details=complaints[1:],
        )
    return ok("A test message was sent; see whether it is there.")


CHECKS = checks(Group.NOTIFY, urls, delivery)
