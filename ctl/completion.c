#include "ctl/completion.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/argument.h"
#include "ctl/command.h"
#include "ctl/record.h"

struct Completion {
    Controller *controller;
    GArray *infos; /* NULL: not asked yet */
};

Completion *completion_new(Controller *controller)
{
    Completion *completion = g_new0(Completion, 1);

    completion->controller = controller;
    return completion;
}

void completion_free(Completion *completion)
{
    if (!completion)
        return;
    completion_forget(completion);
    g_free(completion);
}

void completion_forget(Completion *completion)
{
    g_clear_pointer(&completion->infos, g_array_unref);
}

/* Nothing is said when the daemon does not answer: the user is in the middle of a line. */
static void fetch(Completion *completion)
{
    g_autofree char *problem = NULL;
    g_auto(Reply) reply = {0};

    if (completion->infos)
        return;
    controller_call_raw(completion->controller, &reply, "supervisor.getAllProcessInfo", "()");
    if (reply.kind != REPLY_VALUE || record_read_process_infos(reply.value, &completion->infos, &problem) < 0)
        completion->infos = g_array_new(FALSE, TRUE, sizeof(ProcessInfo));
}

/* Takes the name, each once. */
static void offer(GPtrArray *candidates, const char *word, char *name)
{
    if (!g_str_has_prefix(name, word) ||
        g_ptr_array_find_with_equal_func(candidates, name, g_str_equal, NULL))
        g_free(name);
    else
        g_ptr_array_add(candidates, name);
}

static void offer_commands(Completion *completion, const char *word, GPtrArray *candidates)
{
    const CommandRow *rows;
    size_t count;

    rows = command_rows(&count);
    for (size_t i = 0; i < count; i++)
        offer(candidates, word, g_strdup(rows[i].name));
}

static void offer_groups(Completion *completion, const char *word, GPtrArray *candidates)
{
    fetch(completion);
    for (guint i = 0; i < completion->infos->len; i++)
        offer(candidates, word, g_strdup(g_array_index(completion->infos, ProcessInfo, i).group));
}

/* Short names where they will do, unless the user has begun a long one. */
static void offer_processes(Completion *completion, const char *word, GPtrArray *candidates)
{
    fetch(completion);
    for (guint i = 0; i < completion->infos->len; i++) {
        const ProcessInfo *info = &g_array_index(completion->infos, ProcessInfo, i);

        if (!strchr(word, ':') && strcmp(info->name, info->group) == 0) {
            offer(candidates, word, g_strdup(info->name));
            continue;
        }
        offer(candidates, word, g_strdup_printf("%s:%s", info->group, info->name));
        offer(candidates, word, g_strdup_printf("%s:*", info->group));
    }
}

char **completion_complete(const char *line, const char *word, void *userdata)
{
    static void (*const offers[])(Completion *, const char *, GPtrArray *) = {
        [COMPLETE_COMMANDS] = offer_commands,
        [COMPLETE_GROUPS] = offer_groups,
        [COMPLETE_PROCESSES] = offer_processes,
    };
    g_autoptr(GPtrArray) candidates = g_ptr_array_new();
    g_auto(GStrv) words = argument_split(line);
    bool first = !words[0] || (!words[1] && !g_str_has_suffix(line, " "));
    const CommandAddition *addition;
    const CommandRow *row = first ? NULL : command_find(words[0]);
    CommandCompletion kind = row ? row->completion : first ? COMPLETE_COMMANDS : COMPLETE_NOTHING;

    if (kind != COMPLETE_NOTHING)
        offers[kind](userdata, word, candidates);
    /* Only when it was begun: a list of names stays the oracle's. */
    if (row && *word == '-' && (addition = command_find_addition(row->name)) && addition->option)
        offer(candidates, word, g_strdup(addition->option));
    g_ptr_array_add(candidates, NULL);
    return (char **)g_ptr_array_steal(candidates, NULL);
}
