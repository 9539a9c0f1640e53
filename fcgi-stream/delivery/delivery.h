/* How a file gets to the client: nginx sends it (X-Accel-Redirect), and for that closes the connection to us, which for a
 * small file would cost more than all the rest. One that is asked for whole comes with the answer instead, over the kept
 * connection, with the same headers as from nginx. */
#ifndef FCGI_STREAM_DELIVERY_DELIVERY_H
#define FCGI_STREAM_DELIVERY_DELIVERY_H

#include "fcgi-stream/delivery/file_store.h"
#include "lib/http/request.h"
#include "lib/http/response.h"

/* 200; nginx makes of it what the request's Range and conditions ask for. The headers written so far are kept. */
enum status delivery_send(const struct request *request, struct response *response,
                          const struct video_file *file);

#endif
