#include "bridge/adoption_note.h"

#include <errno.h>
#include <string.h>

#define SECTION "adoption"

static const char *const stage_names[ADOPTION_STAGES] = {
    [ADOPTION_NONE] = "none",
    [ADOPTION_BEGUN] = "begun",
    [ADOPTION_TAKEN] = "taken",
    [ADOPTION_OVER] = "over",
};

void adoption_note_clear(AdoptionNote *note)
{
    g_clear_pointer(&note->cgroup, g_free);
    g_clear_pointer(&note->unit, g_free);
    g_clear_pointer(&note->listeners, g_strfreev);
}

int adoption_note_write(const char *path, const AdoptionNote *note)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) error = NULL;
    gsize size;

    g_key_file_set_string(file, SECTION, "stage", stage_names[note->stage]);
    g_key_file_set_integer(file, SECTION, "pid", note->pid);
    g_key_file_set_uint64(file, SECTION, "start", note->start);
    g_key_file_set_string(file, SECTION, "cgroup", note->cgroup ? note->cgroup : "");
    g_key_file_set_string(file, SECTION, "unit", note->unit ? note->unit : "");
    if (note->listeners)
        g_key_file_set_string_list(file, SECTION, "listeners", (const char *const *)note->listeners,
                                   g_strv_length(note->listeners));
    g_autofree char *text = g_key_file_to_data(file, &size, NULL);
    if (g_file_set_contents_full(path, text, (gssize)size, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
        return 0;
    return error->domain == G_FILE_ERROR && error->code == G_FILE_ERROR_NOSPC ? -ENOSPC : -EIO;
}

static int read_stage(GKeyFile *file, AdoptionStage *ret)
{
    g_autofree char *name = g_key_file_get_string(file, SECTION, "stage", NULL);

    for (int stage = 0; stage < ADOPTION_STAGES; stage++) {
        if (g_strcmp0(name, stage_names[stage]) == 0) {
            *ret = (AdoptionStage)stage;
            return 0;
        }
    }
    return -EBADMSG;
}

static char *get_text(GKeyFile *file, const char *key)
{
    char *text = g_key_file_get_string(file, SECTION, key, NULL);
    return text ? text : g_strdup("");
}

int adoption_note_read(const char *path, AdoptionNote *ret)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) error = NULL;
    AdoptionStage stage = ADOPTION_NONE;

    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &error)) {
        if (error->domain != G_FILE_ERROR || error->code != G_FILE_ERROR_NOENT)
            return -EBADMSG;
        *ret = (AdoptionNote){.stage = ADOPTION_NONE};
        return 0;
    }
    int r = read_stage(file, &stage);
    if (r < 0)
        return r;
    *ret = (AdoptionNote){
        .stage = stage,
        .pid = g_key_file_get_integer(file, SECTION, "pid", NULL),
        .start = g_key_file_get_uint64(file, SECTION, "start", NULL),
        .cgroup = get_text(file, "cgroup"),
        .unit = get_text(file, "unit"),
        .listeners = g_key_file_get_string_list(file, SECTION, "listeners", NULL, NULL),
    };
    return 0;
}
