/* What fcgi-stream's handlers share: request->context points to it. */
#ifndef FCGI_STREAM_CONTEXT_H
#define FCGI_STREAM_CONTEXT_H

#include <stdatomic.h>

#include "lib/media/media.h"

struct bucket;
struct media_cache;
struct small_files;
struct views;

struct stream_context {
    struct bucket *bucket;
    struct media media;
    struct media_cache *media_cache;
    struct small_files *small_files; /* each process has its own */
    struct views *views;
    atomic_int waiting; /* threads that wait for the journal to be read */
};

#endif
