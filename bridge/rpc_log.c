#include "bridge/rpc_log.h"

#include <errno.h>
#include <unistd.h>

#include "bridge/journal_read.h"
#include "bridge/rpc_batch.h"
#include "bridge/rpc_method.h"
#include "bridge/rpc_target.h"
#include "bridge/rpc_value.h"
#include "bridge/tail.h"

/* Python's int() on offset and length, which the oracle calls only after it has found the file. Completes the
 * call and returns false when one of them is no number. */
static bool read_numbers(RpcCall *call, size_t index, int64_t *ret_offset, int64_t *ret_length)
{
    int r = rpc_value_to_integer(rpc_call_argument(call, index), ret_offset);

    if (r == 0)
        r = rpc_value_to_integer(rpc_call_argument(call, index + 1), ret_length);
    if (r == -EPROTOTYPE)
        rpc_call_fault(call, FAULT_INCORRECT_PARAMETERS, NULL);
    else if (r < 0)
        rpc_call_crash(call);
    return r == 0;
}

static bool exists(const char *path)
{
    return path && access(path, F_OK) == 0;
}

void rpc_log_answer_read(RpcCall *call, const char *path, size_t index)
{
    int64_t offset = 0, length = 0;
    g_autofree char *bytes = NULL;
    size_t size;

    if (!exists(path)) {
        rpc_call_fault(call, FAULT_NO_FILE, path);
        return;
    }
    if (!read_numbers(call, index, &offset, &length))
        return;
    int fault = tail_read(path, offset, length, &bytes, &size);
    if (fault != 0)
        rpc_call_fault(call, fault, NULL);
    else
        rpc_call_return(call, rpc_value_string(bytes, (gssize)size));
}

static Instance *find(RpcCall *call)
{
    const char *name = rpc_call_string(call, 0);
    Instance *instance = NULL;

    if (rpc_target_find_process(rpc_call_manager(call), name, &instance) != 0)
        rpc_call_fault(call, FAULT_BAD_NAME, name);
    return instance;
}

static GVariant *tail_value(const char *bytes, size_t size, int64_t offset, bool overflow)
{
    return g_variant_new("(vvb)", rpc_value_string(bytes, (gssize)size), rpc_value_integer(offset), overflow);
}

/* Logs in the journal
 * -------------------------------------------------------------------------------------------------------- */

/* A call that waits for its older part to come out of the journal. */
typedef struct JournalAnswer {
    RpcCall *call;
    JournalRead *reading;
    bool is_tail;
    TailRange range;
    int64_t size;
    GByteArray *recent; /* what follows behind the part from the journal */
} JournalAnswer;

static void answer_free(JournalAnswer *answer)
{
    g_byte_array_unref(answer->recent);
    g_free(answer);
}

static void on_cancel(void *data)
{
    JournalAnswer *answer = data;

    journal_read_cancel(answer->reading);
    answer_free(answer);
}

static void answer_return(JournalAnswer *answer, const char *older, size_t older_size)
{
    g_autoptr(GString) text = g_string_new_len(older, (gssize)older_size);
    RpcCall *call = answer->call;

    g_string_append_len(text, (const char *)answer->recent->data, answer->recent->len);
    GVariant *value = answer->is_tail ? tail_value(text->str, text->len, answer->size, answer->range.overflow)
                                      : rpc_value_string(text->str, (gssize)text->len);
    answer_free(answer);
    rpc_call_return(call, value);
}

static void on_journal_read(int result, const char *bytes, size_t size, void *userdata)
{
    JournalAnswer *answer = userdata;
    RpcCall *call = answer->call;

    if (result == 0) {
        answer_return(answer, bytes, size);
        return;
    }
    answer_free(answer);
    rpc_call_fault(call, FAULT_FAILED, NULL);
}

/* Out of memory as far as possible, and the rest out of the journal, which takes a moment. */
static void answer_range(JournalAnswer *answer, const JournalLog *log)
{
    uint64_t begin = (uint64_t)answer->range.begin, end = begin + (uint64_t)answer->range.count;
    uint64_t recent = MAX(journal_log_recent(log), begin);

    if (end > recent) {
        g_byte_array_set_size(answer->recent, (guint)(end - recent));
        (void)journal_log_read(log, recent, answer->recent->data, end - recent);
    }
    if (begin >= MIN(recent, end)) {
        answer_return(answer, "", 0);
        return;
    }
    int r = journal_read_new(manager_event(rpc_call_manager(answer->call)), journal_log_id(log), begin,
                             MIN(recent, end), on_journal_read, answer, &answer->reading);
    if (r < 0)
        on_journal_read(r, "", 0, answer);
    else
        rpc_call_defer(answer->call, on_cancel, answer);
}

static void answer_from_journal(RpcCall *call, const JournalLog *log, bool is_tail)
{
    int64_t offset = 0, length = 0, size = log ? (int64_t)journal_log_size(log) : 0;
    TailRange range = {0};
    int fault = 0;

    if (!read_numbers(call, 1, &offset, &length))
        return;
    if (is_tail)
        tail_range_end(size, offset, length, &range);
    else
        fault = tail_range_read(size, offset, length, &range);
    if (fault != 0) {
        rpc_call_fault(call, fault, NULL);
        return;
    }
    JournalAnswer *answer = g_new0(JournalAnswer, 1);
    answer->call = call;
    answer->is_tail = is_tail;
    answer->range = range;
    answer->size = size;
    answer->recent = g_byte_array_new();
    if (log)
        answer_range(answer, log);
    else
        answer_return(answer, "", 0);
}

/* Methods
 * -------------------------------------------------------------------------------------------------------- */

static void read_log(RpcCall *call, Stream stream)
{
    Instance *instance = find(call);

    if (instance && instance_logs_to_journal(instance, stream))
        answer_from_journal(call, instance_journal_log(instance, stream), false);
    else if (instance)
        rpc_log_answer_read(call, instance_logfile(instance, stream), 1);
}

static void tail_log(RpcCall *call, Stream stream)
{
    int64_t offset = 0, length = 0;
    Instance *instance = find(call);

    if (!instance)
        return;
    if (instance_logs_to_journal(instance, stream)) {
        answer_from_journal(call, instance_journal_log(instance, stream), true);
        return;
    }
    const char *path = instance_logfile(instance, stream);
    if (!exists(path)) {
        rpc_call_return(call, tail_value("", 0, 0, false));
        return;
    }
    if (!read_numbers(call, 1, &offset, &length))
        return;
    TailEnd end;
    tail_end(path, offset, length, &end);
    rpc_call_return(call, tail_value(end.bytes, end.size, end.offset, end.overflow));
    g_free(end.bytes);
}

void rpc_log_read_stdout(RpcCall *call)
{
    read_log(call, STREAM_STDOUT);
}

void rpc_log_read_stderr(RpcCall *call)
{
    read_log(call, STREAM_STDERR);
}

void rpc_log_tail_stdout(RpcCall *call)
{
    tail_log(call, STREAM_STDOUT);
}

void rpc_log_tail_stderr(RpcCall *call)
{
    tail_log(call, STREAM_STDERR);
}

void rpc_log_clear(RpcCall *call)
{
    Instance *instance = find(call);

    if (!instance)
        return;
    if (instance_clear_logs(instance) < 0)
        rpc_call_fault(call, FAULT_FAILED, rpc_call_string(call, 0));
    else
        rpc_call_return_true(call);
}

void rpc_log_clear_all(RpcCall *call)
{
    g_autoptr(GPtrArray) instances = manager_instances(rpc_call_manager(call), ORDER_PRIORITY);
    RpcBatch *batch = rpc_batch_new(call, UINT64_MAX);

    for (size_t i = 0; i < instances->len; i++) {
        Instance *instance = g_ptr_array_index(instances, i);
        RpcBatchItem *item = rpc_batch_add(batch, instance);
        bool failed = instance_clear_logs(instance) < 0;
        rpc_batch_decide(item, failed ? FAULT_FAILED : 0, rpc_batch_name(item));
    }
    rpc_batch_finish(batch);
}
