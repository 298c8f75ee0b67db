/* Reasons of one room; part of the list in reason.h, which says what the columns mean. No include guard on purpose. */
X(UNKNOWN_COMMAND, 600, USAGE, "unknown-command", "there is no such command")
X(NEEDS_REASON, 601, USAGE, "needs-reason", "a named person and a reason are needed")
X(ZONE_UNKNOWN, 602, CONFIG, "zone-unknown", "the host's zone cannot be translated")
X(REHEARSAL_FAILED, 603, FAIL, "rehearsal-failed", "the rehearsal did not end as it should")
X(NOT_RUNNING, 604, FAIL, "not-running", "nothing runs that could be stopped")
X(NO_ANSWER, 605, UNKNOWN, "no-answer", "the process did not confirm in time")
X(REHEARSAL_RUNS, 606, UNKNOWN, "rehearsal-runs", "another rehearsal walks in the folder")
