/* Runs a fuzz target once for each file of its corpus, and writes TAP. */
#include <stdio.h>
#include <stdlib.h>

#include "t/fuzz/fuzz.h"

enum { INPUT_MAX = 1024 * 1024 };

int main(int argc, char **argv)
{
    static uint8_t data[INPUT_MAX];
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file) {
            perror(argv[i]);
            return EXIT_FAILURE;
        }
        size_t size = fread(data, 1, sizeof data, file);
        fclose(file);
        uint8_t *exact = malloc(size); /* a sanitizer then detects overreads */
        for (size_t at = 0; exact && at < size; at++)
            exact[at] = data[at];
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
        printf("ok %d - %s\n", i, argv[i]);
        fflush(stdout);
    }
    printf("1..%d\n", argc - 1);
    return EXIT_SUCCESS;
}
