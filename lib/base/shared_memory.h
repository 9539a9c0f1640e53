/* Memory shared between processes: a file of fixed size in the run folder, which is on
 * tmpfs.
 *
 * The file starts with a header that identifies its layout. It outlives the programs, so
 * a restarted program finds its data again. A file with another header or size belongs to
 * another version: it is never read or changed, only replaced, and processes that have it
 * mapped keep the old one. */
#ifndef LIB_BASE_SHARED_MEMORY_H
#define LIB_BASE_SHARED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/compiler.h"
#include "lib/base/config.h"

/* A header that is enough for most layouts. */
struct shared_memory_head {
    char magic[8];
    uint32_t layout_version, item_size;
};

struct shared_memory_layout {
    const char *name; /* of the file */
    const void *head;
    size_t head_size; /* bytes */
    size_t size;      /* of the file and the mapping, in bytes */
    size_t reserved;  /* bytes at the start to allocate at once; the rest is sparse */
    bool group_reads; /* the mode of a new file is 0640 instead of 0600 */
    bool read_only;   /* for shared_memory_attach */
};

struct shared_memory {
    void *memory; /* NULL: not mapped */
    size_t size;
    int fd;
};

/* Maps the file, for the program that owns it. Creates the file when it is missing, and
 * replaces it when its header or size differs; a new file is zero after the header.
 * Returns false with errno set. */
WARN_UNUSED bool shared_memory_open(struct shared_memory *shared, const struct config *config,
                                    const struct shared_memory_layout *layout);

/* Maps a file that another program has created. Returns false with errno set: ENOENT when
 * it does not exist, EPROTO when its header or size differs. */
WARN_UNUSED bool shared_memory_attach(struct shared_memory *shared, const struct config *config,
                                      const struct shared_memory_layout *layout);

/* Allocates a sparse range. Without this, writing to the range raises SIGBUS when tmpfs
 * is full. Returns false with errno set. */
WARN_UNUSED bool shared_memory_reserve(const struct shared_memory *shared, size_t offset, size_t length);

/* Unmaps the file if it is mapped; the file stays. Preserves errno. */
void shared_memory_close(struct shared_memory *shared);

#endif
