/* The static parts of the web page: the files of bridge/web/, compiled in. */
#pragma once

#include <stddef.h>

typedef struct WebAsset {
    const char *name;         /* of the file */
    const char *content_type; /* NULL: a template, which is not served */
    const char *data;         /* a NUL behind it */
    size_t size;
} WebAsset;

/* By name. */
extern const WebAsset web_assets[];
extern const size_t web_asset_count;
/* Changes when one of them does: pages name it in their links, so that browsers may keep the files for good.
 */
extern const char web_asset_version[];

/* NULL when there is none of that name. */
const WebAsset *web_asset_find(const char *name);
/* A template that the build is known to have. */
const char *web_asset_template(const char *name);
