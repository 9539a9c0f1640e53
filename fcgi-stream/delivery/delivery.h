/* Sends a file to the client.
 *
 * nginx sends it (X-Accel-Redirect), but closes the FastCGI connection for that, which
 * costs more than sending a small file. A small file that is requested without Range or
 * conditions is therefore sent in the response, over the kept connection, with the same
 * headers as nginx would send. */
#ifndef FCGI_STREAM_DELIVERY_DELIVERY_H
#define FCGI_STREAM_DELIVERY_DELIVERY_H

#include "fcgi-stream/delivery/file_store.h"
#include "lib/http/request.h"
#include "lib/http/response.h"

/* 200; nginx turns it into 206, 304, 412 or 416 as the request's Range and conditions
 * demand. Headers that were written before are kept. */
enum status delivery_send(const struct request *request, struct response *response,
                          const struct video_file *file);

#endif
