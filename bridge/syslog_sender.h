/* Lines to the host's syslog, as libc's syslog() words them (facility user, level info), but never waiting
 * for it. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct SyslogSender SyslogSender;

#define SYSLOG_SENDER_SOCKET "/dev/log"

/* `path` must stay. Connects when something is sent; never fails. */
SyslogSender *syslog_sender_new(const char *path);
void syslog_sender_free(SyslogSender *sender);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SyslogSender, syslog_sender_free)

/* One datagram "<14>Mon DD HH:MM:SS supervisord: PREFIX LINE"; without `prefix` just the line. Returns 0 or
 * negative errno: -EAGAIN when syslog is full, which then has lost the line. */
int syslog_sender_send(SyslogSender *sender, const char *prefix, const char *line, size_t size);

/* journald itself listens there: what goes into the journal need not be sent a second time. */
bool syslog_sender_is_journald(const SyslogSender *sender);
