/* GET /logtail/NAME[/stdout|/stderr] and GET /mainlogtail: the end of a log file and then what is added to
 * it, for as long as the client stays. */
#pragma once

#include "bridge/http.h"
#include "bridge/manager.h"

void logtail_handle_process(Manager *manager, HttpRequest *request);
void logtail_handle_main(Manager *manager, HttpRequest *request);
