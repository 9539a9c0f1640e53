/* A temporary folder of the test's own, gone when the test ends. */
#ifndef T_UNIT_SCRATCH_H
#define T_UNIT_SCRATCH_H

#include <stddef.h>

/* Its path; it is made at the first call. */
const char *scratch_dir(void);

/* The path of the file of that name in it, as text that lives as long as the test. */
const char *scratch_path(const char *name);

/* Makes that file, or empties it, and writes the bytes. Returns a descriptor for reading and writing, at the
 * file's beginning, that the caller closes. */
int scratch_file(const char *name, const void *bytes, size_t length);

#endif
