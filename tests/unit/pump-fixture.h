/* A pump with a FIFO, a log file, a fake journald and a main log, in a directory of its own. */
#pragma once

#include <glib.h>
#include <sys/types.h>
#include <time.h>

#include "bridge/event.h"
#include "bridge/pump.h"
#include "tests/unit/fake-journald.h"

#define LONG_ENOUGH_SECONDS 20

typedef struct PumpFixture {
    char *directory;
    char *fifo;
    char *log;
    char *journal_path;
    char *main_log_path;
    sd_event *event;
    MainLog *main_log;
    EventBus *events;
    Pump *pump;
    FakeJournald *journald;
    PumpStreamConfig config;
} PumpFixture;

/* For cmocka. The configuration may be changed before pump_fixture_add(). */
int pump_fixture_set_up(void **state);
int pump_fixture_tear_down(void **state);
PumpStream *pump_fixture_add(PumpFixture *fixture);
char *pump_fixture_path(const PumpFixture *fixture, const char *name);
/* The program's end of the FIFO. */
int pump_fixture_open_writer(const PumpFixture *fixture);
void pump_fixture_put(int fd, const void *data, size_t size);
void pump_fixture_put_text(int fd, const char *text);
char *pump_fixture_contents(const char *path, gsize *ret_size);
void pump_fixture_assert_file(const char *path, const void *expected, size_t size);
void pump_fixture_assert_text(const char *path, const char *expected);

/* The event loop, with a deadline. */
void pump_fixture_turn(PumpFixture *fixture);
time_t pump_fixture_deadline(void);
void pump_fixture_run_until_size(PumpFixture *fixture, const char *path, off_t size);
void pump_fixture_run_until_entries(PumpFixture *fixture, guint count);
void pump_fixture_assert_journal(PumpFixture *fixture, const void *expected, size_t size);

/* Lines that hold anything but a newline and an escape. */
GByteArray *pump_fixture_random_lines(GRand *chance, guint count, gint longest);
/* A child that writes in pieces of random sizes, as fast as it may, and ends. */
pid_t pump_fixture_start_writer(const PumpFixture *fixture, const GByteArray *text, gint longest);
void pump_fixture_run_until_exit(PumpFixture *fixture, pid_t pid);
/* A rotated log, oldest part first. */
GByteArray *pump_fixture_join_parts(const char *path, gint64 backups);
void pump_fixture_assert_parts(PumpFixture *fixture, const GByteArray *expected);
