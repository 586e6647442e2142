#include "bridge/web_asset.h"

#include <glib.h>
#include <string.h>

const WebAsset *web_asset_find(const char *name)
{
    for (size_t i = 0; i < web_asset_count; i++) {
        if (strcmp(web_assets[i].name, name) == 0)
            return &web_assets[i];
    }
    return NULL;
}

const char *web_asset_template(const char *name)
{
    const WebAsset *asset = web_asset_find(name);

    g_assert(asset);
    return asset->data;
}
