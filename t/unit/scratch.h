/* A temporary folder for one test, deleted when the test exits. */
#ifndef T_UNIT_SCRATCH_H
#define T_UNIT_SCRATCH_H

#include <stddef.h>

/* Returns the path of the folder, which the first call creates. */
const char *scratch_dir(void);

/* Returns the path of a file in the folder. It is valid until the test exits. */
const char *scratch_path(const char *name);

/* Creates or truncates the file and writes the bytes. Returns a file descriptor for
 * reading and writing, positioned at the start, which the caller closes. */
int scratch_file(const char *name, const void *bytes, size_t length);

#endif
