#include "translator/diagnostics.h"

#include <stdarg.h>

struct Diagnostics {
    GPtrArray *list; /* of Diagnostic */
};

static void diagnostics_free_one(void *data)
{
    Diagnostic *diagnostic = data;
    g_free((char *)diagnostic->file);
    g_free((char *)diagnostic->option);
    g_free((char *)diagnostic->text);
    g_free(diagnostic);
}

Diagnostics *diagnostics_new(void)
{
    Diagnostics *diagnostics = g_new0(Diagnostics, 1);
    diagnostics->list = g_ptr_array_new_with_free_func(diagnostics_free_one);
    return diagnostics;
}

void diagnostics_free(Diagnostics *diagnostics)
{
    if (!diagnostics)
        return;
    g_ptr_array_unref(diagnostics->list);
    g_free(diagnostics);
}

/* The oracle's messages about unreadable lines span several lines; a list entry is one. */
static char *diagnostics_one_line(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from != '\n')
            *to++ = *from;
        else if (from[1] != '\t')
            *to++ = ' ';
    }
    *to = '\0';
    g_strdelimit(text, "\t\r", ' ');
    return text;
}

static void diagnostics_append(Diagnostics *diagnostics, Diagnostic head, const char *format,
                               va_list arguments) G_GNUC_PRINTF(3, 0);

static void diagnostics_append(Diagnostics *diagnostics, Diagnostic head, const char *format,
                               va_list arguments)
{
    g_autofree char *text = diagnostics_one_line(g_strdup_vprintf(format, arguments));
    Diagnostic *diagnostic = g_new(Diagnostic, 1);
    *diagnostic = head;
    diagnostic->file = g_strdup(head.file);
    diagnostic->option = g_strdup(head.option);
    /* What a file or a variable holds need not be UTF-8; what is told about it is. */
    diagnostic->text = g_utf8_make_valid(text, -1);
    g_ptr_array_add(diagnostics->list, diagnostic);
}

void diagnostics_add(Diagnostics *diagnostics, Severity severity, const char *file, unsigned line,
                     const char *option, const char *format, ...)
{
    Diagnostic head = {.severity = severity, .file = file, .line = line, .option = option};
    va_list arguments;
    va_start(arguments, format);
    diagnostics_append(diagnostics, head, format, arguments);
    va_end(arguments);
}

void diagnostics_add_ours(Diagnostics *diagnostics, Severity severity, const char *file, unsigned line,
                          const char *option, const char *format, ...)
{
    Diagnostic head = {.severity = severity, .file = file, .line = line, .option = option, .ours = true};
    va_list arguments;
    va_start(arguments, format);
    diagnostics_append(diagnostics, head, format, arguments);
    va_end(arguments);
}

size_t diagnostics_count(const Diagnostics *diagnostics)
{
    return diagnostics->list->len;
}

const Diagnostic *diagnostics_get(const Diagnostics *diagnostics, size_t index)
{
    return g_ptr_array_index(diagnostics->list, index);
}

Severity diagnostics_worst(const Diagnostics *diagnostics)
{
    Severity worst = SEVERITY_INFO;
    for (size_t i = 0; i < diagnostics_count(diagnostics); i++)
        worst = MAX(worst, diagnostics_get(diagnostics, i)->severity);
    return worst;
}

const Diagnostic *diagnostics_first_error(const Diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics_count(diagnostics); i++) {
        if (diagnostics_get(diagnostics, i)->severity == SEVERITY_ERROR)
            return diagnostics_get(diagnostics, i);
    }
    return NULL;
}
