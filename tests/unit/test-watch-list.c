#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glib.h>

#include "bridge/watch_list.h"

typedef struct Scene {
    WatchList *list;
    GString *heard;
    unsigned identifiers[3];
} Scene;

static void hear_a(void *subject, void *userdata)
{
    g_string_append_c(((Scene *)userdata)->heard, 'a');
}

static void hear_gone(void *subject, void *userdata)
{
    g_string_append_c(((Scene *)userdata)->heard, '!');
}

static void hear_and_remove_others(void *subject, void *userdata)
{
    Scene *scene = userdata;
    g_string_append_c(scene->heard, 'r');
    for (unsigned i = 0; i < 3; i++)
        watch_list_remove(scene->list, scene->identifiers[i]);
}

static void hear_and_add(void *subject, void *userdata)
{
    Scene *scene = userdata;
    g_string_append_c(scene->heard, '+');
    scene->identifiers[1] = watch_list_add(scene->list, hear_a, hear_gone, scene);
}

static void hear_and_free(void *subject, void *userdata)
{
    Scene *scene = userdata;
    g_string_append_c(scene->heard, 'f');
    watch_list_free(scene->list);
}

static void removal_during_a_call(void **state)
{
    Scene scene = {.heard = g_string_new(NULL), .list = watch_list_new(NULL)};

    scene.identifiers[0] = watch_list_add(scene.list, hear_a, hear_gone, &scene);
    scene.identifiers[1] = watch_list_add(scene.list, hear_and_remove_others, hear_gone, &scene);
    scene.identifiers[2] = watch_list_add(scene.list, hear_a, hear_gone, &scene);
    assert_true(watch_list_notify(scene.list));
    assert_string_equal(scene.heard->str, "ar");
    assert_true(watch_list_notify(scene.list));
    assert_string_equal(scene.heard->str, "ar");
    watch_list_free(scene.list);
    assert_string_equal(scene.heard->str, "ar");
    g_string_free(scene.heard, TRUE);
}

static void newcomers_wait_for_the_next_call(void **state)
{
    Scene scene = {.heard = g_string_new(NULL), .list = watch_list_new(NULL)};

    scene.identifiers[0] = watch_list_add(scene.list, hear_and_add, hear_gone, &scene);
    assert_true(watch_list_notify(scene.list));
    assert_string_equal(scene.heard->str, "+");
    watch_list_remove(scene.list, scene.identifiers[0]);
    assert_true(watch_list_notify(scene.list));
    assert_string_equal(scene.heard->str, "+a");
    watch_list_free(scene.list);
    assert_string_equal(scene.heard->str, "+a!");
    g_string_free(scene.heard, TRUE);
}

static void freed_during_a_call(void **state)
{
    Scene scene = {.heard = g_string_new(NULL), .list = watch_list_new(NULL)};

    watch_list_add(scene.list, hear_and_free, hear_gone, &scene);
    watch_list_add(scene.list, hear_a, hear_gone, &scene);
    assert_false(watch_list_notify(scene.list));
    assert_string_equal(scene.heard->str, "f!!");
    g_string_free(scene.heard, TRUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removal_during_a_call),
        cmocka_unit_test(newcomers_wait_for_the_next_call),
        cmocka_unit_test(freed_during_a_call),
    };
    return cmocka_run_group_tests_name("watch-list", tests, NULL, NULL);
}
