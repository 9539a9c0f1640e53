/* What the handlers of fcgi-stream share; request->context points to it. */
#ifndef FCGI_STREAM_CONTEXT_H
#define FCGI_STREAM_CONTEXT_H

#include <stdatomic.h>

#include "lib/media/media.h"

struct bucket;
struct media_cache;
struct small_files;
struct views;

/* Opened by the supervisor before it forks. bucket, media_cache and views are shared by
 * all processes; small_files is private to each process after the fork. */
struct stream_context {
    struct bucket *bucket;
    struct media media;
    struct media_cache *media_cache;
    struct small_files *small_files;
    struct views *views;
    atomic_int waiting; /* threads of this process that are in journal_wait */
};

#endif
