/* system.multicall: one call after the other, each in its own time. */
#include "bridge/rpc_call.h"
#include "bridge/rpc_encode.h"
#include "bridge/rpc_method.h"
#include "bridge/rpc_value.h"

/* The results of one request together; log files could add up to anything. */
#define RESULT_LIMIT ((size_t)128 << 20)
/* Microseconds in a row, before others get their turn: an entry costs a client nothing and may cost us a
 * millisecond. */
#define TURN_LIMIT 5000

typedef struct Multicall {
    RpcCall *call;
    GVariant *calls;
    size_t next;
    GVariantBuilder results;
    size_t result_bytes;
    RpcCall *current;      /* the call that is being carried out */
    bool is_full;          /* RESULT_LIMIT was reached: nothing more is carried out */
    sd_event_source *turn; /* goes on in the next turn of the loop */
    bool running;          /* step() is on the stack: a call that completes at once must not enter it again */
} Multicall;

static void multicall_free(void *data)
{
    Multicall *multicall = data;

    if (multicall->current)
        rpc_call_cancel(multicall->current);
    sd_event_source_disable_unref(multicall->turn);
    g_variant_builder_clear(&multicall->results);
    g_variant_unref(multicall->calls);
    g_free(multicall);
}

static void step(Multicall *multicall);
static bool yield(Multicall *multicall);

static const char TOO_LARGE[] = "FAILED: the results of this multicall are too large";

static void add_fault(Multicall *multicall, int fault, const char *text)
{
    g_variant_builder_add(&multicall->results, "v", rpc_encode_fault_value(fault, text));
}

static void on_done(GVariant *value, int fault, const char *text, void *userdata)
{
    Multicall *multicall = userdata;
    size_t size = value ? g_variant_get_size(value) : 0;

    multicall->current = NULL;
    if (!value) {
        add_fault(multicall, fault, text);
    } else if (size > RESULT_LIMIT - multicall->result_bytes) {
        multicall->is_full = true;
        add_fault(multicall, FAULT_FAILED, TOO_LARGE);
    } else {
        multicall->result_bytes += size;
        g_variant_builder_add(&multicall->results, "v", value);
    }
    /* Not from here: whoever reports may be in the middle of changing what the next call looks at. */
    if (!multicall->running && !yield(multicall))
        step(multicall);
}

/* Arguments of one call. NULL when Python could not pass them on: they must be an array, or empty. */
static GPtrArray *arguments_of(GVariant *entry)
{
    g_autoptr(GVariant) params = g_variant_lookup_value(entry, "params", NULL);
    GPtrArray *arguments = g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);

    if (params && g_variant_is_of_type(params, G_VARIANT_TYPE("av"))) {
        for (size_t i = 0; i < g_variant_n_children(params); i++) {
            g_autoptr(GVariant) boxed = g_variant_get_child_value(params, i);
            g_ptr_array_add(arguments, g_variant_get_variant(boxed));
        }
    } else if (params && (rpc_value_is_true(params) || g_variant_classify(params) == G_VARIANT_CLASS_MAYBE)) {
        g_clear_pointer(&arguments, g_ptr_array_unref);
    }
    return arguments;
}

static void run_named(Multicall *multicall, GVariant *entry, const char *name)
{
    g_autoptr(GPtrArray) arguments = arguments_of(entry);

    if (g_str_equal(name, "system.multicall")) {
        add_fault(multicall, FAULT_INCORRECT_PARAMETERS,
                  "INCORRECT_PARAMETERS: Recursive system.multicall forbidden");
    } else if (multicall->is_full) {
        add_fault(multicall, FAULT_FAILED, TOO_LARGE);
    } else if (!rpc_method_find(name)) {
        add_fault(multicall, FAULT_UNKNOWN_METHOD, fault_name(FAULT_UNKNOWN_METHOD));
    } else if (!arguments) {
        add_fault(multicall, FAULT_INCORRECT_PARAMETERS, fault_name(FAULT_INCORRECT_PARAMETERS));
    } else {
        multicall->current =
            rpc_call_new(rpc_call_manager(multicall->call), name, arguments, true, on_done, multicall);
        rpc_call_run(multicall->current);
    }
}

static void run_entry(Multicall *multicall, GVariant *entry)
{
    g_autoptr(GVariant) name = g_variant_lookup_value(entry, "methodName", NULL);

    if (!name || g_variant_classify(name) == G_VARIANT_CLASS_MAYBE)
        add_fault(multicall, FAULT_INCORRECT_PARAMETERS, "INCORRECT_PARAMETERS: No methodName");
    else if (!g_variant_is_of_type(name, G_VARIANT_TYPE_STRING))
        add_fault(multicall, FAULT_FAILED, "FAILED: methodName is no string");
    else
        run_named(multicall, entry, g_variant_get_string(name, NULL));
}

static void finish(Multicall *multicall)
{
    RpcCall *call = multicall->call;
    g_autoptr(GVariant) results = g_variant_ref_sink(g_variant_builder_end(&multicall->results));

    multicall_free(multicall);
    rpc_call_return(call, results);
}

/* An entry that is no struct ends everything, as in the oracle; what was called before it stays called. */
static void crash(Multicall *multicall)
{
    RpcCall *call = multicall->call;

    multicall_free(multicall);
    rpc_call_crash(call);
}

static int on_turn(sd_event_source *source, void *userdata)
{
    step(userdata);
    return 0;
}

/* Returns whether the rest waits for the next turn of the loop. */
static bool yield(Multicall *multicall)
{
    int r = 0;

    if (multicall->turn)
        r = sd_event_source_set_enabled(multicall->turn, SD_EVENT_ONESHOT);
    else
        r = sd_event_add_defer(manager_event(rpc_call_manager(multicall->call)), &multicall->turn, on_turn,
                               multicall);
    return r >= 0;
}

static void step(Multicall *multicall)
{
    size_t count = g_variant_n_children(multicall->calls);
    gint64 end = g_get_monotonic_time() + TURN_LIMIT;

    multicall->running = true;
    while (multicall->next < count && !multicall->current) {
        if (g_get_monotonic_time() > end && yield(multicall)) {
            multicall->running = false;
            return;
        }
        g_autoptr(GVariant) boxed = g_variant_get_child_value(multicall->calls, multicall->next++);
        g_autoptr(GVariant) entry = g_variant_get_variant(boxed);
        if (!g_variant_is_of_type(entry, G_VARIANT_TYPE_VARDICT)) {
            crash(multicall);
            return;
        }
        run_entry(multicall, entry);
    }
    multicall->running = false;
    if (!multicall->current)
        finish(multicall);
}

void rpc_multicall(RpcCall *call)
{
    GVariant *calls = rpc_call_argument(call, 0);
    bool is_text = g_variant_is_of_type(calls, G_VARIANT_TYPE_STRING);

    if (!g_variant_is_of_type(calls, G_VARIANT_TYPE("av"))) {
        /* calls[:] works on a string in Python, and what follows does not. */
        if (is_text)
            rpc_call_crash(call);
        else
            rpc_call_fault(call, FAULT_INCORRECT_PARAMETERS, NULL);
        return;
    }
    Multicall *multicall = g_new0(Multicall, 1);
    multicall->call = call;
    multicall->calls = g_variant_ref(calls);
    g_variant_builder_init(&multicall->results, G_VARIANT_TYPE("av"));
    rpc_call_defer(call, multicall_free, multicall);
    step(multicall);
}
