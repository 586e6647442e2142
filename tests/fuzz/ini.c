/* A configuration file as text. */
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "translator/ini.h"

static void use(const IniDocument *document)
{
    for (size_t i = 0; i < ini_document_count(document); i++) {
        const IniSection *section = ini_document_get(document, i);
        for (unsigned j = 0; j < section->options->len; j++) {
            const IniOption *option = g_ptr_array_index(section->options, j);
            if (ini_document_option(document, section, option->name) != option)
                abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(IniDocument) document = ini_document_new();
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();

    if (ini_document_read(document, "fuzz.conf", (const char *)data, size, diagnostics) < 0)
        return 0;
    ini_document_expand_here(document, "/somewhere");
    use(document);
    return 0;
}
