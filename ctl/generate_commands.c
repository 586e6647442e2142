/* Writes the commands of the client into its manual page: `generate-commands TEMPLATE` copies TEMPLATE to
 * stdout and puts the table in the place of the line that says COMMANDS. Runs while building. */
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "ctl/command.h"

static void put_text(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\\')
            fputs("\\e", stdout);
        else if (text[i] == '-')
            fputs("\\-", stdout);
        else if (i == 0 && strchr(".'", text[i]))
            printf("\\&%c", text[i]);
        else
            putchar(text[i]);
    }
}

/* A line of help is a usage, tabs, and what it does; a line that begins with tabs goes on with the last. */
static void put_line(const char *line)
{
    size_t usage = strcspn(line, "\t"), tabs = strspn(line + usage, "\t");
    const char *text = line + usage + tabs;

    if (!*line)
        return;
    if (usage > 0 && (tabs > 0 || strchr(line, '<') || strchr(line, '['))) {
        fputs(".TP\n.B ", stdout);
        put_text(line, usage);
        putchar('\n');
    } else if (usage > 0) {
        text = line;
    }
    if (*text) {
        put_text(text, strlen(text));
        putchar('\n');
    }
}

static void put_help(const char *help)
{
    g_auto(GStrv) lines = g_strsplit(help, "\n", -1);

    for (size_t i = 0; lines[i]; i++) {
        if (strcmp(lines[i], "Ex:") != 0)
            put_line(lines[i]);
    }
}

static void put_commands(void)
{
    size_t count;
    const CommandRow *rows = command_rows(&count);

    for (size_t i = 0; i < count; i++) {
        printf(".SS %s\n", rows[i].name);
        put_help(rows[i].help);
        const CommandAddition *addition = command_find_addition(rows[i].name);
        if (addition)
            put_help(addition->help);
    }
}

int main(int argc, char *argv[])
{
    g_autofree char *template = NULL;

    if (argc != 2 || !g_file_get_contents(argv[1], &template, NULL, NULL)) {
        fputs("usage: generate-commands TEMPLATE\n", stderr);
        return 2;
    }
    g_auto(GStrv) lines = g_strsplit(template, "\n", -1);
    for (size_t i = 0; lines[i]; i++) {
        if (strcmp(lines[i], "COMMANDS") == 0)
            put_commands();
        else if (lines[i + 1])
            puts(lines[i]);
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
