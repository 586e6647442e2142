/* What the commands of `supersede` ask of the host that they run on. The translator itself asks nothing. */
#pragma once

#include "translator/export_service.h"

/* An ExportHost of this host. `directory` is borrowed. */
ExportHost host_for_export(bool user_manager, const char *directory);
