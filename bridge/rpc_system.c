/* system.listMethods, methodHelp, methodSignature */
#include "bridge/rpc_method.h"
#include "bridge/rpc_value.h"

static const RpcMethod *find(RpcCall *call)
{
    GVariant *name = rpc_call_argument(call, 0);
    const RpcMethod *method = NULL;

    if (g_variant_is_of_type(name, G_VARIANT_TYPE_STRING))
        method = rpc_method_find(g_variant_get_string(name, NULL));
    if (!method)
        rpc_call_fault(call, FAULT_SIGNATURE_UNSUPPORTED, NULL);
    return method;
}

void rpc_system_list_methods(RpcCall *call)
{
    g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("as"));

    for (size_t i = 0; i < rpc_method_count(); i++)
        g_variant_builder_add(&builder, "s", rpc_method_get(i)->name);
    rpc_call_return(call, g_variant_builder_end(&builder));
}

/* The layout of the oracle's texts, since documentation tools read the @ lines. */
void rpc_system_method_help(RpcCall *call)
{
    const RpcMethod *method = find(call);

    if (!method)
        return;
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, " %s\n\n", method->help);
    for (const RpcParameter *parameter = method->parameters; parameter->name; parameter++)
        g_string_append_printf(text, "        @param %s %s  %s\n", parameter->type, parameter->name,
                               parameter->help);
    g_string_append_printf(text, "        @return %s result  %s\n        ", method->result_type,
                           method->result_help);
    rpc_call_return(call, g_variant_new_string(text->str));
}

void rpc_system_method_signature(RpcCall *call)
{
    const RpcMethod *method = find(call);
    g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("as"));

    if (!method)
        return;
    g_variant_builder_add(&builder, "s", method->result_type);
    for (const RpcParameter *parameter = method->parameters; parameter->name; parameter++)
        g_variant_builder_add(&builder, "s", parameter->type);
    rpc_call_return(call, g_variant_builder_end(&builder));
}
