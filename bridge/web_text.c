#include "bridge/web_text.h"

#include "bridge/html.h"

char *web_text_bytes(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;

    /* What would be rounded to 1024 is 1.0 of the next. */
    for (; value >= 1023.5 && unit + 1 < G_N_ELEMENTS(units); unit++)
        value /= 1024;
    return g_strdup_printf(unit > 0 && value < 99.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

char *web_text_duration(uint64_t usec)
{
    uint64_t seconds = usec / G_USEC_PER_SEC;

    if (usec < G_USEC_PER_SEC)
        return g_strdup_printf("0.%02u s", (unsigned)(usec / 10000));
    if (seconds < 60)
        return g_strdup_printf("%u.%u s", (unsigned)seconds, (unsigned)(usec / 100000 % 10));
    if (seconds < 3600)
        return g_strdup_printf("%u:%02u", (unsigned)(seconds / 60), (unsigned)(seconds % 60));
    return g_strdup_printf("%" G_GUINT64_FORMAT ":%02u:%02u", seconds / 3600, (unsigned)(seconds / 60 % 60),
                           (unsigned)(seconds % 60));
}

void web_text_append_json(GString *out, const char *bytes)
{
    g_autofree char *clean = html_clean(bytes);

    g_string_append_c(out, '"');
    for (const char *p = clean; *p; p++) {
        if (*p == '"' || *p == '\\')
            g_string_append_c(out, '\\');
        if ((unsigned char)*p < 0x20)
            g_string_append_printf(out, "\\u%04x", (unsigned char)*p);
        else
            g_string_append_c(out, *p);
    }
    g_string_append_c(out, '"');
}
