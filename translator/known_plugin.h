/* What can take the place of Python code that a configuration wants loaded. */
#pragma once

typedef enum PluginKind {
    PLUGIN_RPC, /* [rpcinterface:x] */
    PLUGIN_CTL, /* [ctlplugin:x] */
} PluginKind;

/* The way out for somebody whose configuration names this factory ("module.part:function"): one that fits the
 * plugin where it is a known one, else what holds for any. Never NULL, no final stop. */
const char *known_plugin_instead(PluginKind kind, const char *factory);
