#include <string.h>

#include "ctl/cmd.h"
#include "ctl/column.h"
#include "ctl/command.h"

static const char header[] = "default commands (type help <topic>):";

static int list_commands(Controller *controller)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *ruler = g_strnfill(strlen(header), '=');
    const CommandRow *rows;
    size_t count;

    rows = command_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, "help") != 0)
            g_ptr_array_add(names, (void *)rows[i].name);
    g_ptr_array_add(names, NULL);
    controller_output(controller, "\n%s\n%s", header, ruler);
    column_print(controller_stream(controller), (const char *const *)names->pdata, 79);
    controller_output(controller, "%s", "");
    return 0;
}

int cmd_help(Controller *controller, const char *arguments)
{
    const CommandAddition *addition = command_find_addition(arguments);

    if (!*arguments)
        return list_commands(controller);
    if (command_find(arguments))
        command_show_help(controller, arguments);
    else
        controller_output(controller, "*** No help on %s", arguments);
    if (addition)
        controller_output(controller, "\nBeyond Supervisor:\n%s", addition->help);
    return 0;
}

int cmd_quit(Controller *controller, const char *arguments)
{
    controller_output(controller, "%s", "");
    return COMMAND_STOP;
}
