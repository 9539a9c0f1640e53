/* What an upload becomes that one request has brought whole: the film of its video, or the poster. */
#ifndef FCGI_STREAM_UPLOADS_PUBLICATION_H
#define FCGI_STREAM_UPLOADS_PUBLICATION_H

#include "fcgi-stream/delivery/file_store.h"
#include "fcgi-stream/uploads/incoming.h"
#include "lib/http/response.h"

/* First the file gets its final place, by the upload's id as its key, then put makes the row that names it: at no
 * moment does a row name a file that isn't whole. 201 with what it is; else nothing is left of it, and what put has
 * said is the status. */
enum status publication_make(struct request *request, struct response *response, const struct incoming *file,
                             const char *id, const char *content_type, file_store_put *put);

#endif
