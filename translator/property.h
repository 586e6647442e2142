/* A list of unit properties under systemd's D-Bus names, as tagged values. No bus in sight: bridge/systemd.c
 * turns a list into a message, translator/unitfile.c into the text of a unit file. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum PropertyKind {
    PROPERTY_STRING,          /* s */
    PROPERTY_BOOLEAN,         /* b */
    PROPERTY_INT32,           /* i */
    PROPERTY_UINT32,          /* u */
    PROPERTY_UINT64,          /* t */
    PROPERTY_STRING_LIST,     /* as */
    PROPERTY_UINT32_LIST,     /* au */
    PROPERTY_COMMAND,         /* a(sasb), one command */
    PROPERTY_EXIT_STATUS_SET, /* (aiai): exit codes and signals */
    PROPERTY_LISTEN,          /* a(ss), one stream socket: ListenStream= of a unit file */
} PropertyKind;

typedef struct Property {
    PropertyKind kind;
    const char *name; /* "KillMode" */
    union {
        const char *string; /* of PROPERTY_LISTEN too: a path, or ADDRESS:PORT */
        bool boolean;
        int32_t int32;
        uint32_t uint32;
        uint64_t uint64;
        char *const *string_list; /* NULL-terminated */
        struct {
            const uint32_t *numbers;
            size_t count;
        } uint32_list;
        struct {
            char *const *argv; /* NULL-terminated; argv[0] is the absolute path of the program */
            bool ignore_failure;
        } command;
        struct {
            const int32_t *codes;
            size_t code_count;
            const int32_t *signals;
            size_t signal_count;
        } exit_status_set;
    } value;
} Property;

typedef struct PropertyList PropertyList;

PropertyList *property_list_new(void);
void property_list_free(PropertyList *list);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PropertyList, property_list_free)

/* Everything is copied. */
void property_list_add_string(PropertyList *list, const char *name, const char *value);
void property_list_add_boolean(PropertyList *list, const char *name, bool value);
void property_list_add_int32(PropertyList *list, const char *name, int32_t value);
void property_list_add_uint32(PropertyList *list, const char *name, uint32_t value);
void property_list_add_uint64(PropertyList *list, const char *name, uint64_t value);
void property_list_add_string_list(PropertyList *list, const char *name, const char *const *values);
void property_list_add_uint32_list(PropertyList *list, const char *name, const uint32_t *numbers,
                                   size_t count);
void property_list_add_command(PropertyList *list, const char *name, const char *const *argv,
                               bool ignore_failure);
void property_list_add_exit_status_set(PropertyList *list, const char *name, const int32_t *codes,
                                       size_t code_count, const int32_t *signals, size_t signal_count);
void property_list_add_listen(PropertyList *list, const char *address);

size_t property_list_count(const PropertyList *list);
const Property *property_list_get(const PropertyList *list, size_t index);
/* NULL when there is none of that name. */
const Property *property_list_find(const PropertyList *list, const char *name);
