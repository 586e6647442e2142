#include "ctl/column.h"

#include <glib.h>
#include <string.h>

static size_t column_width(const char *const *names, size_t count, size_t rows, size_t column)
{
    size_t widest = 0;

    for (size_t i = column * rows; i < MIN(count, (column + 1) * rows); i++)
        widest = MAX(widest, (size_t)g_utf8_strlen(names[i], -1));
    return widest;
}

/* Of a table with so many rows. */
static size_t table_width(const char *const *names, size_t count, size_t rows)
{
    size_t columns = (count + rows - 1) / rows, width = 0;

    for (size_t column = 0; column < columns; column++)
        width += column_width(names, count, rows, column) + (column > 0 ? 2 : 0);
    return width;
}

static void print_row(FILE *output, const char *const *names, size_t count, size_t rows, size_t row)
{
    for (size_t i = row, column = 0; i < count; i += rows, column++) {
        size_t padding = column_width(names, count, rows, column) - (size_t)g_utf8_strlen(names[i], -1);

        fprintf(output, "%s%s", column > 0 ? "  " : "", names[i]);
        /* One column alone is not padded. */
        if (rows < count)
            fprintf(output, "%*s", (int)padding, "");
    }
    fputc('\n', output);
}

void column_print(FILE *output, const char *const *names, size_t width)
{
    size_t count = g_strv_length((char **)names), rows = 1;

    while (rows < count && table_width(names, count, rows) > width)
        rows++;
    for (size_t row = 0; row < rows; row++)
        print_row(output, names, count, rows, row);
}
