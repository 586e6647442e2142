#include "ctl/shell.h"

#include <errno.h>

#include "ctl/command.h"
#include "ctl/completion.h"
#include "ctl/interrupt.h"

/* One line. Returns 0 to go on, COMMAND_STOP, or -EINTR. */
static int run_line(Controller *controller, Completion *completion, const char *prompt)
{
    g_autofree char *line = NULL;
    int r = input_read_line(controller_input(controller), prompt, true, &line);

    if (r == -EINTR)
        return r;
    completion_forget(completion);
    return command_execute(controller, r < 0 ? "EOF" : line);
}

void shell_run(Controller *controller)
{
    const Settings *settings = controller_settings(controller);
    g_autofree char *prompt = g_strconcat(settings->prompt, "> ", NULL);
    g_autoptr(Completion) completion = completion_new(controller);
    Input *input = controller_input(controller);
    int r = interrupt_enable();

    if (r >= 0)
        input_set_completer(input, completion_complete, completion);
    if (settings->history_file)
        input_load_history(input, settings->history_file);
    /* The oracle begins with this, so that one sees what there is. */
    r = command_execute(controller, "status");
    while (r == 0)
        r = run_line(controller, completion, prompt);
    if (r == -EINTR)
        controller_output(controller, "%s", "");
    if (settings->history_file)
        input_save_history(input, settings->history_file);
    input_set_completer(input, NULL, NULL);
    interrupt_disable();
}
