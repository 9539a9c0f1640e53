/* What fcgi-stream's handlers share. */
#ifndef STREAM_H
#define STREAM_H

#include <stdatomic.h>

#include "bucket.h"
#include "media.h"
#include "recent.h"
#include "route.h"
#include "small_files.h"
#include "views.h"

struct stream_context {
    struct bucket *bucket;
    struct media media;
    struct recent *recent;
    struct small_files *small_files; /* each process has its own */
    struct views *views;
    atomic_int waiting; /* threads that wait for the journal to be read */
};

/* What a multipart body may have around its file; nginx lets that much more through (client_max_body_size). */
enum { UPLOAD_HEADERS_MAX = 64 * 1024 };

extern const struct route_table stream_routes;

enum status stream_video(struct request *request, struct response *response);
enum status upload_gate(struct request *request, struct response *response);
/* Refuses a request whose Content-Digest or Repr-Digest can't be read. */
enum status upload_check_digest_fields(struct request *request);
enum status upload_video(struct request *request, struct response *response);
enum status poster_get(struct request *request, struct response *response);
enum status poster_gate(struct request *request, struct response *response);
enum status poster_put(struct request *request, struct response *response);
enum status tus_gate(struct request *request, struct response *response);
enum status tus_append(struct request *request, struct response *response);
enum status tus_show(struct request *request, struct response *response);
enum status tus_end(struct request *request, struct response *response);
enum status tus_options(struct request *request, struct response *response);

/* Takes a token of that kind for the request. STATUS_ANSWERED, and the token's name, when there was one. */
enum status token_take(struct request *request, enum bucket_kind kind, char token[BUCKET_TOKEN_SIZE]);

#endif
