/* What the fuzz targets share. Each of them calls a function that reads bytes from outside, as libFuzzer wants it;
 * linked to replay.c instead, it goes once through the files that it is given. */
#ifndef T_FUZZ_FUZZ_H
#define T_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory with these bytes, which the caller closes. */
int fuzz_file(const void *bytes, size_t size);

/* Aborts, which is a finding, when something that always holds doesn't. */
void fuzz_require(bool holds);

#endif
