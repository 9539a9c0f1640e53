/* Publishes a file that arrived in one request: a video file or a poster. */
#ifndef FCGI_STREAM_UPLOADS_PUBLICATION_H
#define FCGI_STREAM_UPLOADS_PUBLICATION_H

#include "fcgi-stream/delivery/file_store.h"
#include "fcgi-stream/uploads/incoming.h"
#include "lib/http/response.h"

/* Makes the file durable and renames it to its final name, whose key is the upload's id.
 * Then put writes the row that names it, so no row ever names an incomplete file. Answers
 * 201 with the id, size and type. Otherwise returns put's status, and the file is deleted
 * unless a row may name it. */
enum status publication_make(struct request *request, struct response *response, const struct incoming *file,
                             const char *id, const char *content_type, file_store_put *put);

#endif
