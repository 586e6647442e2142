/* Answers of a HTTP server, whole, in every two pieces, byte by byte, and cut short. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/http_reply.h"

typedef struct Heard {
    GString *text;     /* "200 OK|" and the body */
    size_t size_max;   /* more is not wanted */
    bool refuses_head; /* nothing is */
} Heard;

static bool hear_head(int status, const char *reason, void *userdata)
{
    Heard *heard = userdata;

    g_string_append_printf(heard->text, "%d %s|", status, reason);
    return !heard->refuses_head;
}

static bool hear_body(const char *data, size_t size, void *userdata)
{
    Heard *heard = userdata;

    g_string_append_len(heard->text, data, (gssize)size);
    return heard->text->len <= heard->size_max;
}

static const HttpSink sink = {.head = hear_head, .body = hear_body};

typedef struct Case {
    const char *bytes;
    int result; /* 2: complete when the connection ends */
    const char *heard;
    bool keeps_connection;
} Case;

#define OK      "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

static const Case cases[] = {
    {OK "Content-Length: 3\r\n\r\nabc", 1, "200 OK|abc", true},
    {OK "content-length:3\r\nX\r\n\r\nabc", 1, "200 OK|abc", true},
    {OK "Content-Length: 0\r\n\r\n", 1, "200 OK|", true},
    {"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", 1, "200 OK|abc", true},
    {"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", 1, "200 OK|abc", false},
    {OK "Connection: Close\r\nContent-Length: 3\r\n\r\nabc", 1, "200 OK|abc", false},
    {OK "Content-Length: 3\r\n\r\nabcd", 1, "200 OK|abc", false},
    {OK "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 1, "200 OK|abc", true},
    {OK "\r\nuntil it ends", 2, "200 OK|until it ends", false},
    {"HTTP/1.1 401 \r\nContent-Length: 0\r\n\r\n", 1, "401 |", true},
    {"HTTP/1.1 404\r\nContent-Length: 1\r\n\r\nx", 1, "404 |x", true},
    {"HTTP/1.1 204 No Content\r\n\r\n", 1, "204 No Content|", true},
    {"HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\na", 1, "200 OK|a", true},
    {CHUNKED "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", 1, "200 OK|abc0123456789", true},
    {CHUNKED "1\r\na\r\n0\r\nTrailer: x\r\n\r\n", 1, "200 OK|a", true},
    {CHUNKED "0\r\n\r\n", 1, "200 OK|", true},
    {CHUNKED "zz\r\n", -EBADMSG, "200 OK|", false},
    {CHUNKED "\r\n", -EBADMSG, "200 OK|", false},
    {CHUNKED "-1\r\n", -EBADMSG, "200 OK|", false},
    {CHUNKED "ffffffffffffffff\r\n", -EBADMSG, "200 OK|", false},
    {CHUNKED "1\r\nab\r\n", -EBADMSG, "200 OK|a", false},
    {OK "Content-Length: -5\r\n\r\n", -EBADMSG, "", false},
    {OK "Content-Length: 99999999999999999999\r\n\r\n", -EBADMSG, "", false},
    {OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", -EBADMSG, "", false},
    {OK "Transfer-Encoding: gzip\r\n\r\n", -EBADMSG, "", false},
    {"SSH-2.0-OpenSSH_9.2\r\n", -EBADMSG, "", false},
    {"HTTP/2 200\r\n", -EBADMSG, "", false},
    {"HTTP/1.1 2000 OK\r\n", -EBADMSG, "", false},
    {"HTTP/1.1 abc\r\n", -EBADMSG, "", false},
    {"\r\n", -EBADMSG, "", false},
};

/* Everything up to `size`, in pieces of `first` bytes and then `step`. */
static int feed(HttpReply *reply, const char *bytes, size_t size, size_t first, size_t step)
{
    size_t piece = first;
    int r = 0;

    for (size_t at = 0; at < size && r == 0; at += piece, piece = step) {
        piece = MIN(MAX(piece, 1), size - at);
        r = http_reply_feed(reply, bytes + at, piece);
    }
    return r;
}

static void check(const Case *wanted, size_t first, size_t step)
{
    g_autoptr(GString) text = g_string_new(NULL);
    Heard heard = {.text = text, .size_max = SIZE_MAX};
    g_autoptr(HttpReply) reply = http_reply_new(&sink, &heard);
    int r = feed(reply, wanted->bytes, strlen(wanted->bytes), first, step);

    if (r == 0 && wanted->result == 2)
        r = http_reply_finish(reply) + 1;
    if (r != wanted->result || strcmp(text->str, wanted->heard) != 0)
        fail_msg("%s: %d, %s", wanted->bytes, r, text->str);
    /* What comes too much is seen only together with what is before it; the transport looks again. */
    if (step > 1 && first == SIZE_MAX)
        assert_int_equal(http_reply_keeps_connection(reply), wanted->keeps_connection);
}

static void answers_are_taken_apart(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        check(&cases[i], SIZE_MAX, SIZE_MAX);
        check(&cases[i], 1, 1);
        for (size_t cut = 1; cut < strlen(cases[i].bytes); cut++)
            check(&cases[i], cut, SIZE_MAX);
    }
}

static void what_is_cut_short_is_no_answer(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        /* The last byte of one of them is none of the answer's. */
        for (size_t size = 0; cases[i].result == 1 && size + 1 < strlen(cases[i].bytes); size++) {
            g_autoptr(GString) text = g_string_new(NULL);
            Heard heard = {.text = text, .size_max = SIZE_MAX};
            g_autoptr(HttpReply) reply = http_reply_new(&sink, &heard);

            assert_int_equal(feed(reply, cases[i].bytes, size, SIZE_MAX, SIZE_MAX), 0);
            assert_int_equal(http_reply_is_empty(reply), size == 0);
            assert_int_equal(http_reply_finish(reply), size == 0 ? -ENODATA : -EBADMSG);
            assert_false(http_reply_keeps_connection(reply));
        }
    }
}

static void the_sink_may_have_enough(void **state)
{
    g_autoptr(GString) text = g_string_new(NULL), none = g_string_new(NULL);
    Heard heard = {.text = text, .size_max = 10}, refusing = {.text = none, .refuses_head = true};
    g_autoptr(HttpReply) reply = http_reply_new(&sink, &heard);
    g_autoptr(HttpReply) refused = http_reply_new(&sink, &refusing);
    const char *bytes = OK "\r\nabcdefghijkl";

    assert_int_equal(http_reply_feed(reply, bytes, strlen(bytes)), -ECANCELED);
    assert_int_equal(http_reply_feed(refused, bytes, strlen(bytes)), -ECANCELED);
    assert_string_equal(none->str, "200 OK|");
}

static void headers_come_to_an_end(void **state)
{
    static const char *const endless[] = {"X-Header: abcdefgh\r\n", "x",
                                          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"};

    for (size_t i = 0; i < G_N_ELEMENTS(endless); i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        Heard heard = {.text = text, .size_max = SIZE_MAX};
        g_autoptr(HttpReply) reply = http_reply_new(&sink, &heard);
        int r = i == 2 ? 0 : http_reply_feed(reply, OK, strlen(OK));

        for (size_t size = 0; r == 0 && size < 1 << 20; size += strlen(endless[i]))
            r = http_reply_feed(reply, endless[i], strlen(endless[i]));
        assert_int_equal(r, -EMSGSIZE);
        assert_string_equal(text->str, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_taken_apart),
        cmocka_unit_test(what_is_cut_short_is_no_answer),
        cmocka_unit_test(the_sink_may_have_enough),
        cmocka_unit_test(headers_come_to_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
