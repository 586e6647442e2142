/* A configuration to start from: every section and option of the table with its default and a line about it.
 */
#pragma once

/* What is not needed is commented out; what is left runs. Newly allocated. */
char *sample_configuration(void);
