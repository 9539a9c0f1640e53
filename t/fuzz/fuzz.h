/* Shared by the fuzz targets. Each target calls a function that parses bytes from
 * outside. It is linked to libFuzzer or, in `make test`, to replay.c, which runs the
 * corpus once. */
#ifndef T_FUZZ_FUZZ_H
#define T_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns a memory file with these bytes, which the caller closes. */
int fuzz_file(const void *bytes, size_t size);

/* Aborts, which the fuzzer reports, when an invariant does not hold. */
void fuzz_require(bool holds);

#endif
