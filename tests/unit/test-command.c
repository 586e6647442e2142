/* command_resolve() and command_repr() against the oracle's own code: see oracle-command.py. */
#include <errno.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/command.h"

static char directory[] = "/tmp/test-command.XXXXXX";

/* The oracle */

/* Runs the script with `input` and returns what it printed. */
static char *ask_oracle(const char *what, const char *input, size_t size, size_t *ret_size)
{
    char *argv[] = {(char *)"python3", (char *)ORACLE_COMMAND, (char *)what, NULL};
    char *environment[] = {(char *)"LC_ALL=C.UTF-8", NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;

    FILE *question = tmpfile();
    FILE *answer = tmpfile();
    assert_non_null(question);
    assert_non_null(answer);
    assert_int_equal(fwrite(input, 1, size, question), size);
    rewind(question);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fileno(question), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fileno(answer), STDOUT_FILENO);
    assert_int_equal(posix_spawn(&pid, "/usr/bin/python3", &actions, NULL, argv, environment), 0);
    posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);

    struct stat file;
    assert_int_equal(fstat(fileno(answer), &file), 0);
    char *text = malloc((size_t)file.st_size + 1);
    assert_non_null(text);
    assert_int_equal(pread(fileno(answer), text, (size_t)file.st_size, 0), file.st_size);
    text[file.st_size] = '\0';
    fclose(question);
    fclose(answer);
    *ret_size = (size_t)file.st_size;
    return text;
}

typedef struct Answers {
    char *text;
    const char *next;
    size_t left;
} Answers;

static const char *next_answer(Answers *answers)
{
    assert_true(answers->left > 0);
    const char *answer = answers->next;
    size_t length = strlen(answer) + 1;
    answers->next += length;
    answers->left -= length;
    return answer;
}

/* Strings to ask about: NUL-terminated, one after the other. */

typedef struct Questions {
    FILE *stream;
    char *text;
    size_t size;
    size_t count;
} Questions;

static void questions_open(Questions *questions)
{
    *questions = (Questions){0};
    questions->stream = open_memstream(&questions->text, &questions->size);
    assert_non_null(questions->stream);
}

static void ask(Questions *questions, const char *text)
{
    assert_int_equal(fwrite(text, strlen(text) + 1, 1, questions->stream), 1);
    questions->count++;
}

static Answers questions_close(Questions *questions, const char *what)
{
    Answers answers = {0};

    assert_int_equal(fclose(questions->stream), 0);
    answers.text = ask_oracle(what, questions->text, questions->size, &answers.left);
    answers.next = answers.text;
    return answers;
}

/* The same sequence at every run, so that a failure can be looked at. */
static uint32_t random_number(uint32_t limit)
{
    static uint64_t state = 20240501;

    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(state >> 33) % limit;
}

/* Resolving */

static const char *kind_name(int result)
{
    static const char *const names[] = {
        [COMMAND_OK] = "OK",
        [COMMAND_BAD] = "BAD",
        [COMMAND_NOT_FOUND] = "NOT_FOUND",
        [COMMAND_NOT_EXECUTABLE] = "NOT_EXECUTABLE",
    };

    assert_true(result >= COMMAND_OK && result <= COMMAND_NOT_EXECUTABLE);
    return names[result];
}

static void check_resolve(const char *search_path, const char *text, Answers *answers)
{
    Command command = {0};
    char *message = NULL;

    int result = command_resolve(text, search_path, &command, &message);
    const char *kind = next_answer(answers);
    if (strcmp(kind_name(result), kind) != 0)
        fail_msg("<%s>: %s (%s), oracle: %s", text, kind_name(result), message ? message : "", kind);
    int count = (int)strtol(next_answer(answers), NULL, 10);
    if (result != COMMAND_OK) {
        assert_string_equal(message, next_answer(answers));
        assert_null(command.file);
        free(message);
        return;
    }
    assert_null(message);
    assert_string_equal(command.file, next_answer(answers));
    for (int i = 0; i < count - 1; i++) {
        assert_non_null(command.argv[i]);
        assert_string_equal(command.argv[i], next_answer(answers));
    }
    assert_null(command.argv[count - 1]);
    command_clear(&command);
    assert_null(command.argv);
}

static void check_all(Questions *questions)
{
    Answers answers = questions_close(questions, "resolve");
    const char *text = questions->text;

    for (size_t i = 0; i < questions->count / 2; i++) {
        const char *search_path = text;
        const char *command = search_path + strlen(search_path) + 1;
        check_resolve(search_path, command, &answers);
        text = command + strlen(command) + 1;
    }
    assert_int_equal(answers.left, 0);
    free(answers.text);
    free(questions->text);
}

static void ask_resolve(Questions *questions, const char *search_path, const char *text)
{
    ask(questions, search_path);
    ask(questions, text);
}

static void test_split_by_hand(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "\t\r\n ",
        "''",
        "\"\"",
        "'' ''",
        "'",
        "\"",
        "\\",
        "'a",
        "\"a\\",
        "true\\",
        "true \\",
        "true ''",
        "true '' \"\" a",
        "true a'b c'd\"e f\"g",
        "true '\\'",
        "true \"\\\"\"",
        "true \"\\a\\\\\\'\"",
        "true \\\n x",
        "true a\\ b",
        "true # x",
        "true a#b",
        "true ;&|()<>",
        "true $HOME `x` *",
        "true %(x)s %%",
        "true \v\f x",
        "true \xc2\xa0x",
        "true \xe2\x80\x83x",
        "tr\"ue\" x",
        "  true  x  ",
        "true\nx\n",
        "true \"\n\"",
        "true 'it''s'",
        "true \xff\xfe",
        "/bin/true \\'",
        "/bin/true ' \" '",
        "sh -c 'echo \"a b\"; exit 1'",
    };
    Questions questions;

    questions_open(&questions);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        ask_resolve(&questions, "/usr/bin:/bin", texts[i]);
    check_all(&questions);
}

static void test_split_generated(void **state)
{
    static const char *const pieces[] = {"a",  "b",  " ",  " ",  "\t", "\n",       "\r",  "'",    "'",
                                         "\"", "\"", "\\", "\\", "#",  "\xc3\xa9", "x y", "\\\"", "''"};
    Questions questions;

    questions_open(&questions);
    for (size_t i = 0; i < 2000; i++) {
        char text[128] = "";
        size_t count = random_number(14);
        if (i % 4 != 0)
            stpcpy(text, "true ");
        for (size_t piece = 0; piece < count; piece++)
            stpcpy(text + strlen(text), pieces[random_number(sizeof pieces / sizeof *pieces)]);
        ask_resolve(&questions, "/usr/bin:/bin", text);
    }
    check_all(&questions);
}

static void test_split_long(void **state)
{
    const size_t size = 200000;
    CLEANUP_FREE char *text = malloc(size + 1);
    Questions questions;

    memset(text, 'x', size);
    memcpy(text, "true '", 6);
    for (size_t i = 40; i < size - 1; i += 40)
        memcpy(text + i, "' '", 3);
    text[size - 1] = '\'';
    text[size] = '\0';
    questions_open(&questions);
    ask_resolve(&questions, "/usr/bin", text);
    text[size - 1] = 'x';
    ask_resolve(&questions, "/usr/bin", text);
    check_all(&questions);
}

static void test_find(void **state)
{
    static const char *const commands[] = {
        "tool",         "plain",         "folder",       "both",      "second/tool", "./second/tool",
        "second/plain", "second",        "./",           ".",         "missing",     "mis'sing",
        "mis\"'sing",   "/no/such/file", "second/tool/", "second/x/", "dangling",    "\xc3\xa4\n",
        "../x",         "link",          "link/",
    };
    static const char *const paths[] = {
        "first:second",    "second:first",      "",  ":", ":second", "second:", "second/", "/no/such:second",
        "first//::second", "second:/usr/bin:.", ".",
    };
    Questions questions;

    questions_open(&questions);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        for (size_t j = 0; j < sizeof paths / sizeof *paths; j++)
            ask_resolve(&questions, paths[j], commands[i]);
    }
    check_all(&questions);
}

/* access() counts, not only the mode: seen by a user that is not root. */
static void test_no_permission(void **state)
{
    CLEANUP_FREE char *message = NULL;
    int status;

    assert_int_equal(chmod(directory, 0755), 0);
    pid_t pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        Command command;
        if (getuid() == 0 && setuid(65534) < 0)
            _exit(2);
        int r = command_resolve("./forbidden x", "", &command, &message);
        bool right =
            r == COMMAND_NOT_EXECUTABLE && strcmp(message, "no permission to run command './forbidden'") == 0;
        _exit(right ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* repr */

static void check_repr(Questions *questions)
{
    Answers answers = questions_close(questions, "repr");
    const char *text = questions->text;

    for (size_t i = 0; i < questions->count; i++) {
        CLEANUP_FREE char *shown = command_repr(text);
        assert_non_null(shown);
        assert_string_equal(shown, next_answer(&answers));
        text += strlen(text) + 1;
    }
    assert_int_equal(answers.left, 0);
    free(answers.text);
    free(questions->text);
}

static char *put_character(char *end, uint32_t c)
{
    if (c < 0x80) {
        *end++ = (char)c;
    } else if (c < 0x800) {
        *end++ = (char)(0xc0 | c >> 6);
        *end++ = (char)(0x80 | (c & 0x3f));
    } else {
        if (c < 0x10000) {
            *end++ = (char)(0xe0 | c >> 12);
        } else {
            *end++ = (char)(0xf0 | c >> 18);
            *end++ = (char)(0x80 | (c >> 12 & 0x3f));
        }
        *end++ = (char)(0x80 | (c >> 6 & 0x3f));
        *end++ = (char)(0x80 | (c & 0x3f));
    }
    *end = '\0';
    return end;
}

static void test_repr_every_character(void **state)
{
    Questions questions;
    char text[4 * 64 + 1];

    questions_open(&questions);
    for (uint32_t block = 0; block < 0x110000; block += 64) {
        char *end = text;
        *end = '\0';
        for (uint32_t c = block > 0 ? block : 1; c < block + 64; c++) {
            if (c < 0xd800 || c > 0xdfff)
                end = put_character(end, c);
        }
        ask(&questions, text);
    }
    check_repr(&questions);
}

static void test_repr_quotes_and_bytes(void **state)
{
    static const char *const texts[] = {
        "",
        "a",
        "it's",
        "\"",
        "'\"",
        "\\",
        "\\'",
        "\\\"",
        "a\tb\r\n\x01\x7f",
        "\xc3",
        "\xc3(",
        "\xe2\x82",
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        "\xc0\x80",
        "\xf0\x80\x80\x80",
        "\x80\xbf",
        "\xff'",
        "\xf8\x88\x80\x80\x80",
        "a\xe2\x82\xac'",
    };
    Questions questions;

    questions_open(&questions);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        ask(&questions, texts[i]);
    for (size_t i = 0; i < 1000; i++) {
        char text[8] = "";
        for (size_t j = 0; j < sizeof text - 1; j++)
            text[j] = (char)(random_number(3) ? random_number(128) + 128 : random_number(127) + 1);
        ask(&questions, text);
    }
    check_repr(&questions);
}

/* A working directory with a bit of everything. */

static void make_file(const char *path, mode_t mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static int set_up(void **state)
{
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chdir(directory), 0);
    assert_int_equal(mkdir("first", 0755) | mkdir("second", 0755) | mkdir("first/folder", 0755), 0);
    make_file("second/tool", 0755);
    make_file("second/folder", 0755);
    make_file("second/plain", 0644);
    make_file("first/both", 0644); /* the first one counts, although it cannot be executed */
    make_file("second/both", 0755);
    make_file("tool", 0100);
    make_file("forbidden", geteuid() == 0 ? 0700 : 0610);
    assert_int_equal(symlink("nowhere", "second/dangling"), 0);
    assert_int_equal(symlink("../tool", "second/link"), 0);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const files[] = {"second/tool", "second/folder",   "second/plain",
                                        "first/both",  "second/both",     "tool",
                                        "forbidden",   "second/dangling", "second/link"};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        assert_int_equal(unlink(files[i]), 0);
    assert_int_equal(rmdir("first/folder") | rmdir("first") | rmdir("second") | rmdir(directory), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_by_hand),
        cmocka_unit_test(test_split_generated),
        cmocka_unit_test(test_split_long),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_no_permission),
        cmocka_unit_test(test_repr_every_character),
        cmocka_unit_test(test_repr_quotes_and_bytes),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
