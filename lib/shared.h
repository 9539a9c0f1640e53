/* Memory that processes share: a file of fixed size on the run folder's tmpfs, which begins with a head that says what
 * it is. It outlives the programs, so that a new one goes on with what the one before it left. */
#ifndef SHARED_H
#define SHARED_H

#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "config.h"

struct shared_head {
    char magic[8];
    uint32_t layout_version, item_size;
};

/* Maps the file of that name, whose size is with the head. Makes it, all zeros behind the head, when it is missing or
 * of another layout. NULL: errno says why. */
WARN_UNUSED void *shared_open(const struct config *config, const char *name, const struct shared_head *head,
                              size_t size);

/* The same of a file that another program has made. NULL: ENOENT when there is none, EPROTO when it has another
 * layout. */
WARN_UNUSED void *shared_attach(const struct config *config, const char *name, const struct shared_head *head,
                                size_t size);

void shared_close(void *memory, size_t size);

#endif
