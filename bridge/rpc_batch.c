#include "bridge/rpc_batch.h"

#include "bridge/rpc_value.h"

struct RpcBatchItem {
    RpcBatch *batch;
    char *group;
    char *process;
    char *namespec;
    bool decided;
    bool reported;
    int fault;
    char *extra;
    void *work;
    void (*cancel)(void *work);
};

struct RpcBatch {
    RpcCall *call;
    uint64_t window_usec;
    GPtrArray *items;
    GVariantBuilder results;
    size_t undecided;
    bool complete; /* no more items come */
    sd_event_source *timer;
};

static void item_free(RpcBatchItem *item)
{
    if (item->work)
        item->cancel(item->work);
    g_free(item->group);
    g_free(item->process);
    g_free(item->namespec);
    g_free(item->extra);
    g_free(item);
}

static void batch_free(RpcBatch *batch)
{
    g_ptr_array_unref(batch->items);
    g_variant_builder_clear(&batch->results);
    sd_event_source_disable_unref(batch->timer);
    g_free(batch);
}

static void on_cancel(void *data)
{
    batch_free(data);
}

RpcBatch *rpc_batch_new(RpcCall *call, uint64_t window_usec)
{
    RpcBatch *batch = g_new0(RpcBatch, 1);

    batch->call = call;
    batch->window_usec = window_usec;
    batch->items = g_ptr_array_new_with_free_func((GDestroyNotify)item_free);
    g_variant_builder_init(&batch->results, G_VARIANT_TYPE("av"));
    return batch;
}

RpcBatchItem *rpc_batch_add(RpcBatch *batch, const Instance *instance)
{
    RpcBatchItem *item = g_new0(RpcBatchItem, 1);

    item->batch = batch;
    item->group = g_strdup(group_name(instance_group(instance)));
    item->process = g_strdup(instance_name(instance));
    item->namespec = g_strdup(instance_namespec(instance));
    g_ptr_array_add(batch->items, item);
    batch->undecided++;
    return item;
}

const char *rpc_batch_name(const RpcBatchItem *item)
{
    return item->namespec;
}

void rpc_batch_set_work(RpcBatchItem *item, void *work, void (*cancel)(void *work))
{
    item->work = work;
    item->cancel = cancel;
}

static void report(RpcBatch *batch, RpcBatchItem *item)
{
    g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
    g_autofree char *text = item->fault == 0 ? g_strdup("OK") : rpc_call_fault_text(item->fault, item->extra);

    item->reported = true;
    rpc_value_add(&builder, "name", rpc_value_string(item->process, -1));
    rpc_value_add(&builder, "group", rpc_value_string(item->group, -1));
    rpc_value_add(&builder, "status", g_variant_new_int32(item->fault == 0 ? FAULT_SUCCESS : item->fault));
    rpc_value_add(&builder, "description", rpc_value_string(text, -1));
    g_variant_builder_add(&batch->results, "v", g_variant_builder_end(&builder));
}

static void sweep(RpcBatch *batch)
{
    for (size_t i = 0; i < batch->items->len; i++) {
        RpcBatchItem *item = g_ptr_array_index(batch->items, i);
        if (item->decided && !item->reported)
            report(batch, item);
    }
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    sweep(userdata);
    return 0;
}

static void arm_timer(RpcBatch *batch)
{
    int enabled = SD_EVENT_OFF;

    if (batch->timer) {
        sd_event_source_get_enabled(batch->timer, &enabled);
        if (enabled != SD_EVENT_OFF)
            return;
        sd_event_source_set_time_relative(batch->timer, batch->window_usec);
        sd_event_source_set_enabled(batch->timer, SD_EVENT_ONESHOT);
        return;
    }
    sd_event_add_time_relative(manager_event(rpc_call_manager(batch->call)), &batch->timer, CLOCK_MONOTONIC,
                               batch->window_usec, 1, on_timer, batch);
}

static void answer(RpcBatch *batch)
{
    RpcCall *call = batch->call;

    sweep(batch);
    g_autoptr(GVariant) results = g_variant_ref_sink(g_variant_builder_end(&batch->results));
    batch_free(batch);
    rpc_call_return(call, results);
}

void rpc_batch_decide(RpcBatchItem *item, int fault, const char *extra)
{
    RpcBatch *batch = item->batch;

    item->decided = true;
    item->fault = fault;
    item->extra = g_strdup(extra);
    item->work = NULL;
    batch->undecided--;
    if (!batch->complete)
        return;
    if (batch->undecided == 0)
        answer(batch);
    else if (batch->window_usec != UINT64_MAX)
        arm_timer(batch);
}

void rpc_batch_finish(RpcBatch *batch)
{
    batch->complete = true;
    if (batch->undecided == 0) {
        answer(batch);
        return;
    }
    if (batch->window_usec != UINT64_MAX)
        sweep(batch);
    rpc_call_defer(batch->call, on_cancel, batch);
}
