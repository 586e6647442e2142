/* Reading what a server sent with its types checked: one row per member of a struct, so that nothing is taken
 * for what it is not. */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <xmlrpc-c/base.h>

#include "ctl/client.h"

typedef enum WireKind {
    WIRE_TEXT,    /* char *, newly allocated */
    WIRE_INTEGER, /* int64_t: int, i8 or boolean */
    WIRE_TRUTH,   /* bool: what Python takes for true of a boolean, a number or a string */
} WireKind;

typedef struct WireField {
    const char *name;
    WireKind kind;
    size_t offset;
} WireField;

/* Returns 0 and fills every field of the record, or -EBADMSG with `ret_problem` newly allocated ("the
 * server's answer lacks 'pid'"). */
int wire_read_struct(xmlrpc_value *value, const WireField *fields, size_t field_count, void *ret_record,
                     char **ret_problem);
/* Frees the texts of a record. */
void wire_clear_struct(const WireField *fields, size_t field_count, void *record);

/* An array of such structs; `clear` frees the fields of one. */
int wire_read_structs(xmlrpc_value *value, const WireField *fields, size_t field_count, size_t record_size,
                      GDestroyNotify clear, GArray **ret, char **ret_problem);

int wire_read_text(xmlrpc_value *value, char **ret, char **ret_problem);
int wire_read_integer(xmlrpc_value *value, int64_t *ret, char **ret_problem);
/* An array of strings; free with g_strfreev(). */
int wire_read_texts(xmlrpc_value *value, char ***ret, char **ret_problem);

/* Item of an array, with a reference of its own. Returns 0, or -EBADMSG with `ret_problem` when it is no
 * array or too short. */
int wire_read_item(xmlrpc_value *value, size_t index, xmlrpc_value **ret, char **ret_problem);
