/* The web pages: what every path means that is not XML-RPC's or a followed log's. */
#pragma once

#include "bridge/http.h"
#include "bridge/manager.h"

typedef struct Web Web;

/* `manager` must outlive it. */
int web_new(Manager *manager, Web **ret);
/* Actions that wait are given up and answered with 500. */
void web_free(Web *web);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Web, web_free)

void web_handle(Web *web, HttpRequest *request);
