/* The operations of tus 1.0. */
#ifndef FCGI_STREAM_UPLOADS_TUS_H
#define FCGI_STREAM_UPLOADS_TUS_H

#include "lib/http/request.h"
#include "lib/http/response.h"

/* True when the request is one of a client of tus. */
bool tus_is_requested(const struct request *request);

/* For the gate of a creation: what is wrong with it; else *bytes is the length of the upload. */
enum status tus_check_creation(struct request *request, int64_t *bytes);

/* Makes the upload that the gate has set room aside for resumable, with its first piece if there is a body. */
enum status tus_create(struct request *request, struct response *response);

enum status tus_append(struct request *request, struct response *response);
enum status tus_show(struct request *request, struct response *response);
enum status tus_end(struct request *request, struct response *response);
enum status tus_options(struct request *request, struct response *response);

/* What a piece's headers say. */
struct tus_patch {
    int64_t offset;
    int64_t length; /* of the body, -1 when it isn't declared */
    bool checksum;  /* the body must be whole to be checked */
};

/* Reads them; 400, 415. */
enum status tus_parse_patch(struct request *request, struct tus_patch *patch);

#endif
