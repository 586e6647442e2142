#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "bridge/journal_copy.h"
#include "tests/unit/fake-journald.h"

#define SECOND ((uint64_t)1000000)

typedef struct Fixture {
    char *directory;
    char *journal_path;
    char *syslog_path;
    FakeJournald *journald;
    int syslog; /* a datagram socket in the place of syslog's */
    sd_event *event;
    Journal *journal;
    SyslogSender *sender;
    JournalCopyConfig config;
    JournalCopy *copy;
    uint64_t now;
    uint64_t later;
} Fixture;

static void on_writable(void *userdata)
{
    (void)userdata;
}

static int listen_datagrams(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_true(g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) < sizeof(address.sun_path));
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);

    fixture->directory = g_dir_make_tmp("journal-copy-XXXXXX", NULL);
    fixture->journal_path = g_build_filename(fixture->directory, "journal", NULL);
    fixture->syslog_path = g_build_filename(fixture->directory, "syslog", NULL);
    fixture->journald = fake_journald_new(fixture->journal_path);
    fixture->syslog = listen_datagrams(fixture->syslog_path);
    fixture->sender = syslog_sender_new(fixture->syslog_path);
    assert_true(sd_event_new(&fixture->event) >= 0);
    assert_int_equal(journal_new(fixture->event, fixture->journal_path, on_writable, NULL, &fixture->journal),
                     0);
    fixture->now = 1000 * SECOND;
    fixture->config = (JournalCopyConfig){
        .process = "web",
        .group = "web",
        .unit = "supervisor:web.service",
        .journal = true,
        .memory_limit = 1000,
        .rate_burst = 5,
        .rate_interval = 10 * SECOND,
    };
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;

    journal_copy_free(fixture->copy);
    journal_free(fixture->journal);
    sd_event_unref(fixture->event);
    syslog_sender_free(fixture->sender);
    fake_journald_free(fixture->journald);
    close(fixture->syslog);
    (void)g_remove(fixture->journal_path);
    (void)g_remove(fixture->syslog_path);
    (void)g_rmdir(fixture->directory);
    g_free(fixture->directory);
    g_free(fixture->journal_path);
    g_free(fixture->syslog_path);
    g_free(fixture);
    return 0;
}

static void push(Fixture *fixture, const char *text)
{
    if (!fixture->copy)
        fixture->copy = journal_copy_new(&fixture->config);
    backlog_push_bytes(journal_copy_backlog(fixture->copy), text, strlen(text), BACKLOG_WRITER_NOBODY,
                       fixture->now);
}

static JournalCopyResult run(Fixture *fixture)
{
    return journal_copy_run(fixture->copy, fixture->journal, fixture->sender, fixture->now, &fixture->later);
}

static void assert_cat(Fixture *fixture, const char *expected)
{
    GByteArray *text;

    (void)fake_journald_receive(fixture->journald);
    text = fake_journald_cat(fixture->journald);
    g_byte_array_append(text, (const guint8 *)"", 1);
    assert_string_equal((const char *)text->data, expected);
    g_byte_array_unref(text);
    fake_journald_forget(fixture->journald);
}

static char *take_cat(Fixture *fixture)
{
    GByteArray *text;

    (void)fake_journald_receive(fixture->journald);
    text = fake_journald_cat(fixture->journald);
    g_byte_array_append(text, (const guint8 *)"", 1);
    fake_journald_forget(fixture->journald);
    return (char *)g_byte_array_free(text, FALSE);
}

static void test_a_flood_is_limited_and_counted(void **state)
{
    Fixture *fixture = *state;

    push(fixture, "1\n2\n3\n4\n5\n6\n7\n8\n");
    assert_int_equal(run(fixture), JOURNAL_COPY_LATER);
    assert_int_equal(fixture->later, fixture->now + 10 * SECOND);
    assert_cat(fixture, "1\n2\n3\n4\n5\n");
    fixture->now += 5 * SECOND;
    push(fixture, "9\n");
    assert_int_equal(run(fixture), JOURNAL_COPY_LATER);
    assert_cat(fixture, "");
    /* The note comes also when nothing follows. */
    fixture->now = fixture->later;
    assert_int_equal(run(fixture), JOURNAL_COPY_DONE);
    assert_cat(fixture, "[supervisord: 8 bytes of output suppressed: too many lines for the journal]\n");
    push(fixture, "10\n");
    assert_int_equal(run(fixture), JOURNAL_COPY_DONE);
    assert_cat(fixture, "10\n");
}

/* What is over the limit is not even read, so that only its end may tell where the next line begins. */
static void test_after_a_flood_whole_lines_follow(void **state)
{
    static const struct {
        const char *over;
        const char *then;
        const char *copied;
        unsigned suppressed;
    } rows[] = {
        {"over\n", "whole\n", "whole\n", 5},
        {"ov", "er\nwhole\n", "whole\n", 5},
        {"over and o", "ver\n", "", 14},
    };
    Fixture *fixture = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        push(fixture, "1\n2\n3\n4\n5\n");
        run(fixture);
        assert_cat(fixture, "1\n2\n3\n4\n5\n");
        push(fixture, rows[i].over);
        assert_int_equal(run(fixture), JOURNAL_COPY_LATER);
        push(fixture, rows[i].then);
        fixture->now = fixture->later;
        run(fixture);
        /* What came late is counted, too, with the next note. */
        fixture->now += 10 * SECOND;
        run(fixture);
        {
            g_autofree char *text = take_cat(fixture);
            unsigned total = 0;

            assert_non_null(strstr(text, rows[i].copied));
            assert_null(strstr(text, "er\nwhole"));
            for (const char *at = text; (at = strstr(at, "[supervisord: ")); at++)
                total += (unsigned)strtoul(at + strlen("[supervisord: "), NULL, 10);
            assert_int_equal(total, rows[i].suppressed);
        }
        fixture->now += 20 * SECOND;
    }
}

static void test_what_does_not_fit_in_memory_is_counted(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *large = g_strnfill(998, 'x');

    push(fixture, "begun");
    push(fixture, large);
    push(fixture, large);
    push(fixture, " and ended\n");
    assert_int_equal(run(fixture), JOURNAL_COPY_DONE);
    /* What comes after the gap does not continue what was before it. */
    assert_cat(fixture, "begun\n"
                        "[supervisord: 1996 bytes of output are missing here: the journal did not keep up]\n"
                        " and ended\n");
}

static void test_an_unfinished_line_waits(void **state)
{
    Fixture *fixture = *state;

    push(fixture, "how are ");
    assert_int_equal(run(fixture), JOURNAL_COPY_DONE);
    assert_cat(fixture, "");
    push(fixture, "you?\nfine");
    assert_int_equal(run(fixture), JOURNAL_COPY_DONE);
    assert_cat(fixture, "how are you?\n");
    journal_copy_end_line(fixture->copy);
    push(fixture, "next\n");
    assert_int_equal(run(fixture), JOURNAL_COPY_DONE);
    assert_cat(fixture, "fine\nnext\n");
}

/* However much there is: a run ends, and others are served in between. */
static void test_everybody_has_a_turn(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *lines = g_strnfill(60000, '\n');
    unsigned runs = 1;

    fixture->config.memory_limit = 4 * 1024 * 1024;
    for (int i = 0; i < 40; i++)
        push(fixture, lines);
    for (; run(fixture) == JOURNAL_COPY_MORE; runs++)
        ;
    assert_true(runs > 1);
    assert_cat(fixture, "\n\n\n\n\n");
    fixture->now = fixture->later;
    assert_int_equal(run(fixture), JOURNAL_COPY_DONE);
    assert_cat(fixture,
               "[supervisord: 2399995 bytes of output suppressed: too many lines for the journal]\n");
}

/* What journald does not take now comes later, in order. */
static void test_journald_is_full(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GString) lines = g_string_new(NULL);
    JournalCopyResult result;
    unsigned blocked = 0;

    fixture->config.rate_burst = 0;
    fixture->config.memory_limit = 4 * 1024 * 1024;
    for (int i = 0; i < 2000; i++)
        g_string_append_printf(lines, "line %d\n", i);
    push(fixture, lines->str);
    while ((result = run(fixture)) != JOURNAL_COPY_DONE) {
        blocked += result == JOURNAL_COPY_BLOCKED;
        (void)fake_journald_receive(fixture->journald);
        assert_true(sd_event_run(fixture->event, 0) >= 0);
    }
    assert_true(blocked > 0);
    assert_cat(fixture, lines->str);
}

static void assert_syslog(const Fixture *fixture, const char *expected)
{
    char text[4096];
    ssize_t size = recv(fixture->syslog, text, sizeof(text) - 1, 0);

    assert_true(size > (ssize_t)strlen("<14>Nov 20 18:24:17 "));
    text[size] = '\0';
    assert_memory_equal(text, "<14>", 4);
    assert_string_equal(text + strlen("<14>Nov 20 18:24:17 "), expected);
}

static void test_lines_to_syslog(void **state)
{
    Fixture *fixture = *state;

    fixture->config.syslog = true;
    push(fixture, "one\n\ntwo");
    assert_int_equal(run(fixture), JOURNAL_COPY_DONE);
    assert_cat(fixture, "one\n\n");
    push(fixture, " more\n");
    assert_int_equal(run(fixture), JOURNAL_COPY_DONE);
    assert_cat(fixture, "two more\n");
    assert_syslog(fixture, "supervisord: web one");
    assert_syslog(fixture, "supervisord: web ");
    assert_syslog(fixture, "supervisord: web two more");
    assert_int_equal(recv(fixture->syslog, &(char){0}, 1, 0), -1);
}

/* With the journal copy off syslog alone gets the lines, also from a new socket of the same name. */
static void test_syslog_alone(void **state)
{
    Fixture *fixture = *state;

    fixture->config.journal = false;
    fixture->config.syslog = true;
    push(fixture, "one\n");
    assert_int_equal(run(fixture), JOURNAL_COPY_DONE);
    assert_syslog(fixture, "supervisord: web one");
    close(fixture->syslog);
    (void)g_remove(fixture->syslog_path);
    fixture->syslog = listen_datagrams(fixture->syslog_path);
    push(fixture, "two\n");
    assert_int_equal(run(fixture), JOURNAL_COPY_DONE);
    assert_syslog(fixture, "supervisord: web two");
    assert_cat(fixture, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_flood_is_limited_and_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_after_a_flood_whole_lines_follow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_does_not_fit_in_memory_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_unfinished_line_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_everybody_has_a_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_journald_is_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lines_to_syslog, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_syslog_alone, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
