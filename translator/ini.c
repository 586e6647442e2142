#include "translator/ini.h"

#include <errno.h>
#include <ini.h>
#include <string.h>

#include "build_config.h"
#include "translator/text.h"

#define DEFAULT_SECTION "DEFAULT"
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* Python decodes a file in pieces of this size: a line in an earlier piece is judged before a later piece is
 * decoded. */
#define PYTHON_CHUNK 8192

struct IniDocument {
    GPtrArray *sections;  /* of IniSection */
    GHashTable *index;    /* name → IniSection, without [DEFAULT] */
    IniSection *defaults; /* [DEFAULT]; NULL until there is one */
    GStringChunk *paths;
};

static void ini_option_free(void *data)
{
    IniOption *option = data;
    g_free(option->name);
    g_free(option->written);
    g_free(option->value);
    g_free(option);
}

static void ini_section_free(void *data)
{
    IniSection *section = data;
    g_hash_table_unref(section->index);
    g_ptr_array_unref(section->options);
    g_free(section->name);
    g_free(section);
}

IniDocument *ini_document_new(void)
{
    IniDocument *document = g_new0(IniDocument, 1);
    document->sections = g_ptr_array_new_with_free_func(ini_section_free);
    document->index = g_hash_table_new(g_str_hash, g_str_equal);
    document->paths = g_string_chunk_new(256);
    return document;
}

void ini_document_free(IniDocument *document)
{
    if (!document)
        return;
    g_hash_table_unref(document->index);
    g_ptr_array_unref(document->sections);
    g_string_chunk_free(document->paths);
    g_free(document);
}

size_t ini_document_count(const IniDocument *document)
{
    return document->sections->len;
}

const IniSection *ini_document_get(const IniDocument *document, size_t index)
{
    return g_ptr_array_index(document->sections, index);
}

const IniSection *ini_document_find(const IniDocument *document, const char *section)
{
    return g_hash_table_lookup(document->index, section);
}

const IniSection *ini_document_defaults(const IniDocument *document)
{
    return document->defaults;
}

const IniOption *ini_document_option(const IniDocument *document, const IniSection *section, const char *name)
{
    const IniOption *option = g_hash_table_lookup(section->index, name);
    if (!option && document->defaults)
        option = g_hash_table_lookup(document->defaults->index, name);
    return option;
}

static IniSection *ini_document_enter(IniDocument *document, const char *name, const char *file,
                                      unsigned line)
{
    bool is_default = strcmp(name, DEFAULT_SECTION) == 0;
    IniSection *section = is_default ? document->defaults : g_hash_table_lookup(document->index, name);
    if (section)
        return section;
    section = g_new0(IniSection, 1);
    section->name = g_strdup(name);
    section->options = g_ptr_array_new_with_free_func(ini_option_free);
    section->index = g_hash_table_new(g_str_hash, g_str_equal);
    section->file = file;
    section->line = line;
    g_ptr_array_add(document->sections, section);
    if (is_default)
        document->defaults = section;
    else
        g_hash_table_insert(document->index, section->name, section);
    return section;
}

static IniOption *ini_section_enter(IniSection *section, const char *name)
{
    IniOption *option = g_hash_table_lookup(section->index, name);
    if (option)
        return option;
    option = g_new0(IniOption, 1);
    option->name = g_strdup(name);
    g_ptr_array_add(section->options, option);
    g_hash_table_insert(section->index, option->name, option);
    return option;
}

/* ---- expand_here ---- */

static char *ini_replace_here(const char *value, const char *here)
{
    g_auto(GStrv) parts = g_strsplit(value, "%(here)s", -1);
    return g_strjoinv(here, parts);
}

static void ini_expand_option(IniSection *section, const IniOption *option, const char *here)
{
    if (!strstr(option->value, "%(here)s"))
        return;
    g_autofree char *value = ini_replace_here(option->value, here);
    IniOption *own = ini_section_enter(section, option->name);
    if (own != option && !own->value) {
        /* It came from [DEFAULT]; the oracle writes the result into the section that sees it. */
        own->written = g_strdup(option->written);
        own->file = option->file;
        own->line = option->line;
    }
    g_free(own->value);
    own->value = g_steal_pointer(&value);
}

void ini_document_expand_here(IniDocument *document, const char *here)
{
    for (unsigned i = 0; i < document->sections->len; i++) {
        IniSection *section = g_ptr_array_index(document->sections, i);
        if (section == document->defaults)
            continue;
        for (unsigned j = 0; j < section->options->len; j++)
            ini_expand_option(section, g_ptr_array_index(section->options, j), here);
        for (unsigned j = 0; document->defaults && j < document->defaults->options->len; j++) {
            const IniOption *option = g_ptr_array_index(document->defaults->options, j);
            if (!g_hash_table_contains(section->index, option->name))
                ini_expand_option(section, option, here);
        }
    }
}

/* ---- one file ----
 *
 * inih reads lines of up to 199 bytes and has rules of its own about indentation and comments. So the reader
 * below applies ConfigParser's rules line by line and hands inih the result in pieces that it carries
 * unchanged:
 *
 *     section=|program:web|      option=|command|      value=|/bin/cat|      line=|-u|      more=|…|
 *
 * "line" is a continuation line, "more" goes on with the piece before it. The bars keep white space at the
 * ends, and a piece never holds a blank in front of a semicolon, which would be a comment to inih. */

#define LONGEST_PIECE 128
#define MOST_REPORTED 50   /* unreadable lines that a message lists */
#define LONGEST_SHOWN 4096 /* bytes of each */

typedef enum Item {
    ITEM_NONE,
    ITEM_SECTION,
    ITEM_OPTION,
    ITEM_VALUE,
} Item;

typedef struct Piece {
    const char *key;
    const char *at;
    const char *end;
} Piece;

typedef struct Reader {
    IniDocument *document;
    const char *path; /* lives as long as the document */
    Diagnostics *diagnostics;

    const char *at;
    const char *end;
    const char
        *undecodable_chunk; /* where the piece of the file begins that cannot be decoded; NULL: all can */
    char *undecodable;      /* Python's message about it */
    unsigned undecodable_line;

    unsigned line;
    size_t indentation; /* of the last line that was no continuation, in characters */
    bool in_section;
    bool in_option;
    Piece pieces[2]; /* what the current line gives, still to be handed over */
    size_t piece, piece_count;

    /* what has come back through inih */
    IniSection *section;
    IniOption *option;
    GString *item; /* name or value that is not complete yet */
    Item item_kind;

    GString *errors; /* ConfigParser's list of lines that are neither section nor option */
    unsigned error_line, error_count;
    bool failed; /* an error has been told: stop */
} Reader;

/* One physical line: `end` is before the line's end. */
typedef struct Line {
    const char *start;
    const char *end;
    bool terminated;
} Line;

static void ini_fail(Reader *reader, unsigned line, const char *text)
{
    reader->failed = true;
    diagnostics_add(reader->diagnostics, SEVERITY_ERROR, reader->path, line, NULL, "%s", text);
}

/* Universal newlines: LF, CR and CR LF all end a line. */
static bool ini_next_line(Reader *reader, Line *ret)
{
    if (reader->at == reader->end)
        return false;
    const char *at = reader->at;
    while (at < reader->end && *at != '\n' && *at != '\r')
        at++;
    *ret = (Line){.start = reader->at, .end = at, .terminated = at < reader->end};
    if (at + 1 < reader->end && at[0] == '\r' && at[1] == '\n')
        at++;
    reader->at = at < reader->end ? at + 1 : at;
    reader->line++;
    return true;
}

/* repr() of the line as Python read it; of a very long one only the beginning. */
static char *ini_show_line(const Line *line)
{
    size_t length = MIN((size_t)(line->end - line->start), LONGEST_SHOWN);
    bool is_whole = line->start + length == line->end;
    g_autofree char *text = g_malloc(length + 1);
    memcpy(text, line->start, length);
    text[length] = '\n';
    g_autofree char *shown = text_repr_range(text, text + length + (is_whole && line->terminated));
    return g_strconcat(shown, is_whole ? "" : " and more", NULL);
}

/* Where an inline comment begins, or the line's end. Python until 3.12 looks at the first semicolon and the
 * first hash, then at the second of each, and so on, and stops in the round in which one of them has white
 * space before it: a comment that only begins with the third hash is overlooked when the first semicolon
 * begins one further right. Newer ones find the leftmost. */
static const char *ini_find_comment(const Line *line)
{
    const char prefixes[] = {';', '#'};
    const char *at[] = {line->start, line->start};
    const char *comment = line->end;
    bool searching = true;
    while ((comment == line->end || !PYTHON_OVERLOOKS_COMMENTS) && searching) {
        searching = false;
        for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++) {
            const char *found = at[i] ? memchr(at[i], prefixes[i], (size_t)(line->end - at[i])) : NULL;
            at[i] = found ? found + 1 : NULL;
            if (!found)
                continue;
            searching = true;
            if (found == line->start || text_is_space(text_previous(found, line->start)))
                comment = MIN(comment, found);
        }
    }
    return comment;
}

/* A line that is neither section nor option: told at the end, together with the others. */
static void ini_note_error(Reader *reader, const Line *line)
{
    if (!reader->errors) {
        g_autofree char *path = text_repr(reader->path);
        reader->errors = g_string_new(NULL);
        reader->error_line = reader->line;
        g_string_append_printf(reader->errors, "Source contains parsing errors: %s", path);
    }
    if (++reader->error_count > MOST_REPORTED)
        return;
    g_autofree char *shown = ini_show_line(line);
    g_string_append_printf(reader->errors, "\n\t[line %2u]: %s", reader->line, shown);
}

static void ini_fail_missing_header(Reader *reader, const Line *line)
{
    g_autofree char *path = text_repr(reader->path), *shown = ini_show_line(line);
    g_autofree char *text = g_strdup_printf("File contains no section headers.\nfile: %s, line: %u\n%s", path,
                                            reader->line, shown);
    ini_fail(reader, reader->line, text);
}

static void ini_hand_over(Reader *reader, const char *key, const char *start, const char *end)
{
    reader->pieces[reader->piece_count++] = (Piece){.key = key, .at = start, .end = end};
}

/* "name = value" or "name: value", whichever sign comes first. */
static void ini_read_option(Reader *reader, const Line *line, const char *start, const char *end)
{
    const char *delimiter = start;
    while (delimiter < end && *delimiter != '=' && *delimiter != ':')
        delimiter++;
    if (delimiter == end || delimiter == start) {
        ini_note_error(reader, line);
        /* Without a name Python forgets which option it was in; without a sign it does not. */
        reader->in_option = reader->in_option && delimiter == end;
        return;
    }
    const char *name_end = delimiter, *value = delimiter + 1;
    text_strip(&start, &name_end);
    text_strip(&value, &end);
    ini_hand_over(reader, "option", start, name_end);
    ini_hand_over(reader, "value", value, end);
    reader->in_option = true;
}

/* A line with something on it that continues nothing: a section's header or an option. */
static void ini_read_statement(Reader *reader, const Line *line, const char *start, const char *end)
{
    const char *bracket = *start == '[' ? memrchr(start, ']', (size_t)(end - start)) : NULL;
    if (bracket && bracket - start >= 2) {
        ini_hand_over(reader, "section", start + 1, bracket);
        reader->in_section = true;
        reader->in_option = false;
    } else if (!reader->in_section) {
        ini_fail_missing_header(reader, line);
    } else {
        ini_read_option(reader, line, start, end);
    }
}

static size_t ini_count_indentation(const Line *line)
{
    size_t count = 0;
    gunichar character;
    for (const char *at = line->start; at < line->end; count++) {
        at = text_next(at, line->end, &character);
        if (!text_is_space(character))
            break;
    }
    return count;
}

static void ini_read_line(Reader *reader, const Line *line)
{
    const char *start = line->start, *first = line->start, *stripped_end = line->end;
    const char *comment = ini_find_comment(line), *end = comment;
    text_strip(&first, &stripped_end);
    if (first < stripped_end && (*first == ';' || *first == '#'))
        return;
    text_strip(&start, &end);
    if (start == end) {
        if (reader->in_option)
            ini_hand_over(reader, "line", start, end);
        return;
    }
    if (memchr(start, '\0', (size_t)(end - start))) {
        g_autofree char *path = text_repr(reader->path);
        g_autofree char *text = g_strdup_printf("NUL byte (file: %s, line: %u)", path, reader->line);
        ini_fail(reader, reader->line, text);
        return;
    }
    size_t indentation = ini_count_indentation(line);
    if (reader->in_option && indentation > reader->indentation) {
        ini_hand_over(reader, "line", start, end);
        return;
    }
    reader->indentation = indentation;
    ini_read_statement(reader, line, start, end);
}

/* Whether a line was complete before Python came to the bytes that it cannot decode. */
static bool ini_is_before_undecodable(const Reader *reader, const Line *line)
{
    return !reader->undecodable || (line->terminated && reader->at <= reader->undecodable_chunk);
}

/* Reads on until there is something to hand over. */
static bool ini_read_on(Reader *reader)
{
    Line line = {0};
    reader->piece = reader->piece_count = 0;
    while (reader->piece_count == 0 && !reader->failed) {
        bool is_there = ini_next_line(reader, &line);
        if (reader->undecodable && (!is_there || !ini_is_before_undecodable(reader, &line)))
            ini_fail(reader, reader->undecodable_line, reader->undecodable);
        else if (is_there)
            ini_read_line(reader, &line);
        else
            return false;
    }
    return !reader->failed;
}

/* How much of a piece fits into a line of inih's. */
static size_t ini_carry(const Piece *piece, size_t room)
{
    size_t length = MIN((size_t)(piece->end - piece->at), room);
    for (size_t i = 1; i < length; i++) {
        unsigned char before = (unsigned char)piece->at[i - 1];
        /* inih asks isspace(), which some locales say of bytes beyond ASCII too. */
        if (piece->at[i] == ';' && (before >= 0x80 || g_ascii_isspace(before) || before < 0x20))
            return i;
    }
    return length;
}

static void ini_finish_value(IniOption *option, const char *value)
{
    const char *end = value + strlen(value), *start = value;
    text_strip(&start, &end);
    g_free(option->written);
    g_free(option->value);
    /* Python's rstrip(): blank lines at the end go, one at the beginning stays. */
    option->written = g_strndup(value, start < end ? (size_t)(end - value) : 0);
    option->value = g_strdup(option->written);
}

/* A name or a value is complete. */
static void ini_finish_item(Reader *reader)
{
    if (reader->item_kind == ITEM_SECTION) {
        reader->section = ini_document_enter(reader->document, reader->item->str, reader->path, reader->line);
    } else if (reader->item_kind == ITEM_OPTION) {
        g_autofree char *name = text_lower(reader->item->str);
        reader->option = ini_section_enter(reader->section, name);
        reader->option->hidden_file = reader->option->file;
        reader->option->hidden_line = reader->option->line;
        reader->option->file = reader->path;
        reader->option->line = reader->line;
    } else if (reader->item_kind == ITEM_VALUE) {
        ini_finish_value(reader->option, reader->item->str);
    }
    reader->item_kind = ITEM_NONE;
}

static Item ini_item_kind(const char *key)
{
    return strcmp(key, "section") == 0 ? ITEM_SECTION : strcmp(key, "option") == 0 ? ITEM_OPTION : ITEM_VALUE;
}

/* inih's handler. */
static int ini_take_piece(void *data, const char *section, const char *key, const char *value)
{
    Reader *reader = data;
    size_t length = strlen(value);
    g_return_val_if_fail(length >= 2, 0);
    if (strcmp(key, "line") == 0) {
        g_string_append_c(reader->item, '\n');
    } else if (strcmp(key, "more") != 0) {
        ini_finish_item(reader);
        g_string_truncate(reader->item, 0);
        reader->item_kind = ini_item_kind(key);
    }
    g_string_append_len(reader->item, value + 1, (gssize)length - 2);
    return 1;
}

/* inih's fgets: one line of at most `size` - 1 bytes. It calls the handler before it asks for the next one,
 * so a name whose last piece was handed over is complete here, while `line` is still its line. */
static char *ini_next_piece(char *buffer, int size, void *data)
{
    Reader *reader = data;
    bool is_whole =
        reader->piece == reader->piece_count || strcmp(reader->pieces[reader->piece].key, "more") != 0;
    if (is_whole && reader->item_kind != ITEM_VALUE)
        ini_finish_item(reader);
    if (reader->piece == reader->piece_count && !ini_read_on(reader))
        return NULL;
    Piece *piece = &reader->pieces[reader->piece];
    size_t carried = ini_carry(piece, MIN(LONGEST_PIECE, (size_t)size - strlen(piece->key) - 5));
    g_snprintf(buffer, (gulong)size, "%s=|%.*s|\n", piece->key, (int)carried, piece->at);
    piece->key = "more";
    piece->at += carried;
    if (piece->at == piece->end)
        reader->piece++;
    return buffer;
}

static unsigned ini_line_of(const char *text, size_t position)
{
    unsigned line = 1;
    for (size_t i = 0; i < position; i++)
        line += text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n');
    return line;
}

/* Prepares what Python will say when it comes to bytes that are not UTF-8: positions count from where its
 * decoder was fed. */
static void ini_find_undecodable(Reader *reader, const char *text, size_t length)
{
    size_t position, count;
    const char *reason;
    if (!text_find_undecodable(text, length, &position, &count, &reason))
        return;
    bool at_end = position + count == length && strcmp(reason, "unexpected end of data") == 0;
    size_t told_by = strcmp(reason, "invalid start byte") == 0 ? position : position + count;
    size_t chunk = at_end ? length : told_by / PYTHON_CHUNK * PYTHON_CHUNK;
    size_t shown = position > chunk ? position - chunk : 0;
    g_autofree char *path = text_repr(reader->path);
    g_autofree char *what =
        count == 1 ? g_strdup_printf("byte 0x%02x in position %zu", (unsigned char)text[position], shown)
                   : g_strdup_printf("bytes in position %zu-%zu", shown, shown + count - 1);
    reader->undecodable_chunk = text + chunk;
    reader->undecodable_line = ini_line_of(text, position);
    reader->undecodable = g_strdup_printf("'utf-8' codec can't decode %s: %s (file: %s, line: %u)", what,
                                          reason, path, reader->undecodable_line);
}

static void ini_skip_byte_order_mark(Reader *reader)
{
    size_t length = strlen(BYTE_ORDER_MARK);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, BYTE_ORDER_MARK, length) != 0)
        return;
    reader->at += length;
    diagnostics_add_ours(reader->diagnostics, SEVERITY_WARNING, reader->path, 1, NULL,
                         "the file begins with a byte order mark, which Supervisor itself does not accept");
}

static void ini_tell_errors(Reader *reader)
{
    if (reader->error_count > MOST_REPORTED)
        g_string_append_printf(reader->errors, "\n\tand %u more", reader->error_count - MOST_REPORTED);
    ini_fail(reader, reader->error_line, reader->errors->str);
}

int ini_document_read(IniDocument *document, const char *path, const char *text, size_t length,
                      Diagnostics *diagnostics)
{
    Reader reader = {
        .document = document,
        .path = g_string_chunk_insert_const(document->paths, path),
        .diagnostics = diagnostics,
        .at = text,
        .end = text + length,
        .item = g_string_new(NULL),
    };
    ini_find_undecodable(&reader, text, length);
    ini_skip_byte_order_mark(&reader);
    int result = ini_parse_stream(ini_next_piece, &reader, ini_take_piece, &reader);
    ini_finish_item(&reader);
    if (!reader.failed && reader.errors)
        ini_tell_errors(&reader);
    else if (!reader.failed && result != 0)
        ini_fail(&reader, 0, "inih did not understand what it was given");

    g_free(reader.undecodable);
    g_string_free(reader.item, TRUE);
    if (reader.errors)
        g_string_free(reader.errors, TRUE);
    return reader.failed ? -EINVAL : 0;
}
