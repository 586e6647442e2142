/* Signal names and numbers, by the rules of the oracle's signal_number(). */
#pragma once

/* "SIGTERM" for 15, NULL for a number that has no name. Real-time signals: only SIGRTMIN and SIGRTMAX have
 * one, as in Python's signal module. */
const char *signal_name(int signal);

/* Takes a number ("15", " 15 ") or a name in any case with or without SIG ("term", "SIGTERM"), white space
 * around it. Returns the number (0 counts, as in the oracle: it probes), -EINVAL when the text is neither,
 * -ERANGE when it is a number that is no signal with a name (the oracle tells the two apart in its message).
 */
int signal_from_string(const char *text);
