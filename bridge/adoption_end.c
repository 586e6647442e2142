#include "bridge/adoption_end.h"

#include <glib/gstdio.h>

#include "bridge/adoption.h"
#include "bridge/adoption_note.h"
#include "bridge/adoption_unit.h"

struct AdoptionEnd {
    Systemd *systemd;
    MainLog *log;
    char *note_path;
    const char *file;
    bool user_manager;
    AdoptionNote note;
};

static void tell_failure(const AdoptionEnd *end, const char *what, int result, const char *message)
{
    main_log_write(end->log, LOG_LEVEL_WARN, "could not %s %s, the unit of the old supervisord: %s", what,
                   end->note.unit, message ? message : g_strerror(-result));
}

static void finish(AdoptionEnd *end)
{
    end->note.stage = ADOPTION_OVER;
    (void)adoption_note_write(end->note_path, &end->note);
    (void)g_unlink(end->file);
}

static void on_reloaded(const char *unit, int result, const char *message, void *userdata)
{
    AdoptionEnd *end = userdata;

    if (result < 0)
        tell_failure(end, "let go of", result, message);
    (void)systemd_reset_failed(end->systemd, end->note.unit, NULL, NULL);
    finish(end);
}

static void let_go(AdoptionEnd *end)
{
    g_autofree char *path = adoption_unit_dropin(end->note.unit, end->user_manager);
    g_autofree char *directory = g_path_get_dirname(path);

    (void)g_unlink(path);
    (void)g_rmdir(directory);
    int r = systemd_reload(end->systemd, on_reloaded, end);
    if (r < 0)
        on_reloaded("", r, NULL, end);
}

static void on_disabled(const char *unit, int result, const char *message, void *userdata)
{
    AdoptionEnd *end = userdata;

    if (result < 0)
        tell_failure(end, "disable", result, message);
    else
        main_log_write(end->log, LOG_LEVEL_INFO, "disabled %s, the unit of the old supervisord",
                       end->note.unit);
    let_go(end);
}

AdoptionEnd *adoption_end_begin(Systemd *systemd, MainLog *log, const char *runtime_directory,
                                const char *file, bool user_manager)
{
    AdoptionEnd *end = g_new0(AdoptionEnd, 1);

    end->systemd = systemd;
    end->log = log;
    end->note_path = g_build_filename(runtime_directory, ADOPTION_NOTE_FILE, NULL);
    end->file = file;
    end->user_manager = user_manager;
    int r = adoption_note_read(end->note_path, &end->note);
    if (r < 0 || end->note.stage != ADOPTION_TAKEN)
        return end;
    if (!*end->note.unit) {
        finish(end);
        return end;
    }
    if (adoption_unit_is_ours(end->note.unit)) {
        let_go(end);
        return end;
    }
    r = systemd_disable(systemd, end->note.unit, on_disabled, end);
    if (r < 0)
        on_disabled(end->note.unit, r, NULL, end);
    return end;
}

void adoption_end_free(AdoptionEnd *end)
{
    if (!end)
        return;
    systemd_forget(end->systemd, end);
    adoption_note_clear(&end->note);
    g_free(end->note_path);
    g_free(end);
}
