#include "bridge/adoption_end.h"

#include <glib/gstdio.h>
#include <string.h>

#include "bridge/adoption.h"
#include "bridge/adoption_note.h"
#include "bridge/adoption_unit.h"
#include "translator/unitname.h"

struct AdoptionEnd {
    AdoptionEndContext context;
    char *note_path;
    char *successor; /* a unit of ours that starts this configuration; NULL: there is none */
    AdoptionNote note;
};

static void tell_failure(const AdoptionEnd *end, const char *what, const char *unit, int result,
                         const char *message)
{
    main_log_write(end->context.log, LOG_LEVEL_WARN, "could not %s %s: %s", what, unit,
                   message ? message : g_strerror(-result));
}

/* This bridge's place
 * ----------------------------------------------------------------------------------------------- */

static void on_started(const char *unit, int result, const char *message, void *userdata)
{
    if (result < 0)
        tell_failure(userdata, "start", unit, result, message);
}

static void start_successor(AdoptionEnd *end)
{
    int r = systemd_start(end->context.systemd, end->successor, on_started, end);

    if (r < 0)
        on_started(end->successor, r, NULL, end);
}

static void on_enabled(const char *unit, int result, const char *message, void *userdata)
{
    AdoptionEnd *end = userdata;

    if (result < 0)
        tell_failure(end, "enable", unit, result, message);
    else
        main_log_write(end->context.log, LOG_LEVEL_INFO, "enabled %s, which goes on from here", unit);
    start_successor(end);
}

/* Only what was started by a unit is wanted at the next boot, too. */
static void hand_over(AdoptionEnd *end)
{
    if (!end->successor)
        return;
    int r = *end->note.unit ? systemd_enable(end->context.systemd, end->successor, on_enabled, end) : 0;
    if (r < 0)
        on_enabled(end->successor, r, NULL, end);
    else if (!*end->note.unit)
        start_successor(end);
}

/* The old daemon's unit
 * ---------------------------------------------------------------------------------------------- */

static void finish(AdoptionEnd *end)
{
    end->note.stage = ADOPTION_OVER;
    (void)adoption_note_write(end->note_path, &end->note);
    (void)g_unlink(end->context.file);
    hand_over(end);
}

static void on_reloaded(const char *unit, int result, const char *message, void *userdata)
{
    AdoptionEnd *end = userdata;

    if (result < 0)
        tell_failure(end, "let go of", end->note.unit, result, message);
    (void)systemd_reset_failed(end->context.systemd, end->note.unit, NULL, NULL);
    finish(end);
}

static void let_go(AdoptionEnd *end)
{
    g_autofree char *path = adoption_unit_dropin(end->note.unit, end->context.user_manager);
    g_autofree char *directory = g_path_get_dirname(path);

    (void)g_unlink(path);
    (void)g_rmdir(directory);
    int r = systemd_reload(end->context.systemd, on_reloaded, end);
    if (r < 0)
        on_reloaded("", r, NULL, end);
}

static void on_disabled(const char *unit, int result, const char *message, void *userdata)
{
    AdoptionEnd *end = userdata;

    if (result < 0)
        tell_failure(end, "disable", end->note.unit, result, message);
    else
        main_log_write(end->context.log, LOG_LEVEL_INFO, "disabled %s, the unit of the old supervisord",
                       end->note.unit);
    let_go(end);
}

/* Nothing of ours would start the programs at the next boot: rather the old daemon than nobody. */
static void leave_enabled(AdoptionEnd *end)
{
    main_log_write(end->context.log, LOG_LEVEL_WARN,
                   "%s stays as it is for the next boot, since no unit starts this supervisord with %s",
                   end->note.unit, end->context.configuration);
    let_go(end);
}

static void let_unit_go(AdoptionEnd *end)
{
    if (!*end->note.unit) {
        finish(end);
    } else if (adoption_unit_is_ours(end->note.unit)) {
        let_go(end);
    } else if (!end->successor) {
        leave_enabled(end);
    } else {
        int r = systemd_disable(end->context.systemd, end->note.unit, on_disabled, end);
        if (r < 0)
            on_disabled(end->note.unit, r, NULL, end);
    }
}

/* What has a unit file is nobody's for the time being. */
static char *find_successor(const AdoptionEndContext *context)
{
    g_autofree char *identifier = unitname_escape_if_needed(context->identifier);
    g_autofree char *unit = g_strconcat(identifier, ".service", NULL);

    if (!context->own_unit || strcmp(unit, context->own_unit) == 0 || context->user_manager ||
        !adoption_unit_is_successor(unit, context->configuration))
        return NULL;
    return g_steal_pointer(&unit);
}

AdoptionEnd *adoption_end_begin(const AdoptionEndContext *context)
{
    AdoptionEnd *end = g_new0(AdoptionEnd, 1);

    end->context = *context;
    end->note_path = g_build_filename(context->runtime_directory, ADOPTION_NOTE_FILE, NULL);
    end->successor = find_successor(context);
    int r = adoption_note_read(end->note_path, &end->note);
    if (r >= 0 && end->note.stage == ADOPTION_TAKEN)
        let_unit_go(end);
    else if (r >= 0 && end->note.stage == ADOPTION_OVER)
        hand_over(end);
    return end;
}

void adoption_end_free(AdoptionEnd *end)
{
    if (!end)
        return;
    systemd_forget(end->context.systemd, end);
    adoption_note_clear(&end->note);
    g_free(end->successor);
    g_free(end->note_path);
    g_free(end);
}
