/* Memory that processes share: a file of fixed size in the run folder, which is on tmpfs.
 *
 * The file begins with a head that identifies its layout. It outlives the programs, so a restarted
 * program continues with what it left. A file with another head belongs to another version: it is
 * never used and never changed, only replaced, so processes that still map it keep it. */
#ifndef LIB_BASE_SHARED_MEMORY_H
#define LIB_BASE_SHARED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/compiler.h"
#include "lib/base/config.h"

/* A head for those who need no more than this in it. */
struct shared_memory_head {
    char magic[8];
    uint32_t layout_version, item_size;
};

struct shared_memory_layout {
    const char *name; /* of the file */
    const void *head;
    size_t head_size; /* bytes */
    size_t size;      /* of the file and the mapping, in bytes */
    size_t reserved;  /* bytes from the front that get memory at once; the others are sparse */
};

struct shared_memory {
    void *memory; /* NULL: not mapped */
    size_t size;
    int fd;
};

/* Maps the file. When it is missing or has another head, replaces it by one that is all zeros after
 * the head. Returns false with errno set. */
WARN_UNUSED bool shared_memory_open(struct shared_memory *shared, const struct config *config,
                                    const struct shared_memory_layout *layout);

/* Maps a file that another program has created. Returns false with errno set: ENOENT when there is
 * none, EPROTO when it has another size or head. */
WARN_UNUSED bool shared_memory_attach(struct shared_memory *shared, const struct config *config,
                                      const struct shared_memory_layout *layout);

/* Gives memory to a sparse range: writing to it without that could end in SIGBUS on a full tmpfs.
 * Returns false with errno set. */
WARN_UNUSED bool shared_memory_reserve(const struct shared_memory *shared, size_t offset, size_t length);

/* Unmaps the file, if it is mapped; errno stays. The file stays. */
void shared_memory_close(struct shared_memory *shared);

#endif
