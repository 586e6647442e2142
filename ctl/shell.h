/* The interactive mode: prompt, line, command, until quit, the end of input or Ctrl-C. */
#pragma once

#include "ctl/controller.h"

void shell_run(Controller *controller);
