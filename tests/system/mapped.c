/* What translator/mapping.c makes of a process, for scripts inside a box.
 *
 *     mapped UNIT SLICE LIBEXECDIR RUNTIME STEM [OPTION=VALUE...]
 *
 * Prints the properties as busctl takes them (one property a line, words separated by tabs: name, type,
 * values), an empty line, and the unit as text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake-config.h"
#include "translator/mapping.h"
#include "translator/unitfile.h"

static int64_t number(const char *text)
{
    return g_ascii_strtoll(text, NULL, 10);
}

static void set_autorestart(ProcessConfig *config, const char *value)
{
    config->autorestart = strcmp(value, "true") == 0    ? AUTORESTART_ALWAYS
                          : strcmp(value, "false") == 0 ? AUTORESTART_NEVER
                                                        : AUTORESTART_UNEXPECTED;
}

static void set_exitcodes(ProcessConfig *config, const char *value)
{
    static int codes[256];

    config->exitcode_count = 0;
    for (char *end; *value; value = *end ? end + 1 : end)
        codes[config->exitcode_count++] = (int)strtol(value, &end, 10);
    config->exitcodes = codes;
}

static void set_name(ProcessConfig *config, const char *value)
{
    config->name = config->program = value;
}

static void set_startsecs(ProcessConfig *config, const char *value)
{
    config->startsecs = number(value);
}

static void set_stopsignal(ProcessConfig *config, const char *value)
{
    config->stopsignal = (int)number(value);
}

static void set_stopwaitsecs(ProcessConfig *config, const char *value)
{
    config->stopwaitsecs = number(value);
}

static void set_stopasgroup(ProcessConfig *config, const char *value)
{
    config->stopasgroup = strcmp(value, "true") == 0;
}

static const struct {
    const char *name;
    void (*set)(ProcessConfig *config, const char *value);
} options[] = {
    {"name", set_name},
    {"autorestart", set_autorestart},
    {"exitcodes", set_exitcodes},
    {"startsecs", set_startsecs},
    {"stopsignal", set_stopsignal},
    {"stopwaitsecs", set_stopwaitsecs},
    {"stopasgroup", set_stopasgroup},
};

static int set_option(ProcessConfig *config, const char *argument)
{
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        size_t length = strlen(options[i].name);
        if (strncmp(argument, options[i].name, length) == 0 && argument[length] == '=') {
            options[i].set(config, argument + length + 1);
            return 0;
        }
    }
    fprintf(stderr, "mapped: what is %s?\n", argument);
    return -1;
}

static void print_numbers(const int32_t *numbers, size_t count)
{
    printf("\t%zu", count);
    for (size_t i = 0; i < count; i++)
        printf("\t%d", numbers[i]);
}

static void print_property(const Property *property)
{
    printf("%s\t", property->name);
    switch (property->kind) {
    case PROPERTY_STRING:
        printf("s\t%s", property->value.string);
        break;
    case PROPERTY_BOOLEAN:
        printf("b\t%s", property->value.boolean ? "true" : "false");
        break;
    case PROPERTY_INT32:
        printf("i\t%d", property->value.int32);
        break;
    case PROPERTY_UINT32:
        printf("u\t%u", property->value.uint32);
        break;
    case PROPERTY_UINT64:
        printf("t\t%" G_GUINT64_FORMAT, property->value.uint64);
        break;
    case PROPERTY_UINT32_LIST:
        break; /* of scopes only */
    case PROPERTY_STRING_LIST:
        printf("as\t%u", g_strv_length((char **)property->value.string_list));
        for (char *const *p = property->value.string_list; *p; p++)
            printf("\t%s", *p);
        break;
    case PROPERTY_COMMAND:
        printf("a(sasb)\t1\t%s\t%u", property->value.command.argv[0],
               g_strv_length((char **)property->value.command.argv));
        for (char *const *p = property->value.command.argv; *p; p++)
            printf("\t%s", *p);
        printf("\t%s", property->value.command.ignore_failure ? "true" : "false");
        break;
    case PROPERTY_EXIT_STATUS_SET:
        printf("(aiai)");
        print_numbers(property->value.exit_status_set.codes, property->value.exit_status_set.code_count);
        print_numbers(property->value.exit_status_set.signals, property->value.exit_status_set.signal_count);
        break;
    case PROPERTY_LISTEN:
        printf("a(ss)\t1\tStream\t%s", property->value.string);
        break;
    }
    putchar('\n');
}

int main(int argc, char *argv[])
{
    if (argc < 6) {
        fprintf(stderr, "usage: mapped UNIT SLICE LIBEXECDIR RUNTIME STEM [OPTION=VALUE...]\n");
        return 2;
    }
    ProcessConfig config = fake_process(argv[5]);
    const PlannedGroup group = {.slice = argv[2]};
    const MappingContext context = {.libexecdir = argv[3], .runtime_directory = argv[4]};

    for (int i = 6; i < argc; i++) {
        if (set_option(&config, argv[i]) < 0)
            return 2;
    }
    const PlannedProcess process = {
        .group = &group, .config = &config, .namespec = config.name, .unit = argv[1], .file_stem = argv[5]};
    g_autoptr(PropertyList) list = mapping_service(&process, &context);
    for (size_t i = 0; i < property_list_count(list); i++)
        print_property(property_list_get(list, i));
    g_autofree char *text = unitfile_format(argv[1], list);
    printf("\n%s", text);
    return 0;
}
