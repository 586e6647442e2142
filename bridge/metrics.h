/* What /metrics tells, in the text format of Prometheus. */
#pragma once

#include "bridge/accounting.h"
#include "bridge/manager.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* `accounting` was just refreshed. Free with g_string_free. */
GString *metrics_text(const Manager *manager, const Accounting *accounting);
