/* Bytes go from pipe to pipe, whole and in order, whichever side is slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "bridge/relay.h"

typedef struct Scene {
    sd_event *event;
    Relay *relay;
    int in;  /* written by the test, read by the relay */
    int out; /* the other way round */
} Scene;

static int begin(void **state)
{
    Scene *scene = g_new0(Scene, 1);
    int from[2], to[2];

    (void)signal(SIGPIPE, SIG_IGN);
    if (pipe2(from, O_CLOEXEC) < 0 || pipe2(to, O_CLOEXEC) < 0 || sd_event_new(&scene->event) < 0)
        return -1;
    scene->in = from[1];
    scene->out = to[0];
    *state = scene;
    return fcntl(scene->in, F_SETFL, O_NONBLOCK) < 0 || fcntl(scene->out, F_SETFL, O_NONBLOCK) < 0
               ? -1
               : relay_new(scene->event, from[0], to[1], &scene->relay);
}

static int end(void **state)
{
    Scene *scene = *state;

    relay_free(scene->relay);
    if (scene->in >= 0)
        close(scene->in);
    if (scene->out >= 0)
        close(scene->out);
    sd_event_unref(scene->event);
    g_free(scene);
    return 0;
}

/* Until nothing happens any more. */
static void turn(Scene *scene)
{
    while (sd_event_run(scene->event, 0) > 0)
        ;
}

static void what_comes_in_goes_out(void **state)
{
    Scene *scene = *state;
    char text[16] = "";

    assert_int_equal(write(scene->in, "one\0two", 7), 7);
    turn(scene);
    assert_int_equal(read(scene->out, text, sizeof text), 7);
    assert_memory_equal(text, "one\0two", 7);
}

static void a_slow_reader_holds_up_and_gets_everything(void **state)
{
    enum { TOTAL = 400000 };
    Scene *scene = *state;
    g_autofree unsigned char *got = g_malloc(TOTAL);
    size_t written = 0, read_so_far = 0;

    while (read_so_far < TOTAL) {
        unsigned char block[1000];
        for (bool room = true; room && written < TOTAL;) {
            for (size_t i = 0; i < sizeof block; i++)
                block[i] = (unsigned char)((written + i) % 251);
            ssize_t count = write(scene->in, block, MIN(sizeof block, TOTAL - written));
            room = count > 0;
            written += room ? (size_t)count : 0;
        }
        turn(scene);
        ssize_t count = read(scene->out, got + read_so_far, TOTAL - read_so_far);
        assert_true(count > 0);
        read_so_far += (size_t)count;
    }
    for (size_t i = 0; i < TOTAL; i++)
        assert_int_equal(got[i], i % 251);
}

static void the_end_of_either_side_makes_it_silent(void **state)
{
    Scene *scene = *state;
    char text[8];

    assert_int_equal(write(scene->in, "last", 4), 4);
    close(scene->in);
    scene->in = -1;
    turn(scene);
    assert_int_equal(read(scene->out, text, sizeof text), 4);
    assert_int_equal(sd_event_run(scene->event, 0), 0);
    assert_int_equal(relay_move(scene->relay), 0);
}

static void a_reader_that_has_gone_does_no_harm(void **state)
{
    Scene *scene = *state;

    close(scene->out);
    scene->out = -1;
    assert_int_equal(write(scene->in, "x", 1), 1);
    turn(scene);
    assert_int_equal(sd_event_run(scene->event, 0), 0);
}

static void it_can_be_asked_to_move_at_once(void **state)
{
    Scene *scene = *state;
    char text[8];

    assert_int_equal(relay_move(scene->relay), 0);
    assert_int_equal(write(scene->in, "now", 3), 3);
    assert_int_equal(relay_move(scene->relay), 3);
    assert_int_equal(read(scene->out, text, sizeof text), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_comes_in_goes_out, begin, end),
        cmocka_unit_test_setup_teardown(a_slow_reader_holds_up_and_gets_everything, begin, end),
        cmocka_unit_test_setup_teardown(the_end_of_either_side_makes_it_silent, begin, end),
        cmocka_unit_test_setup_teardown(a_reader_that_has_gone_does_no_harm, begin, end),
        cmocka_unit_test_setup_teardown(it_can_be_asked_to_move_at_once, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
