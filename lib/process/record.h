/* The FastCGI records of a response. libfcgi would write a long one in pieces of 8 KiB, and its end apart from it, and nginx
 * would wake for each. */
#ifndef LIB_PROCESS_RECORD_H
#define LIB_PROCESS_RECORD_H

#include "lib/base/buffer.h"
#include "lib/base/compiler.h"

enum { RECORD_CONTENT_MAX = 65528 };

/* Writes headers and body (or NULL) as the request's FCGI_STDOUT, the end of that, and FCGI_END_REQUEST (FastCGI
 * specification, sections 3.3, 5.5), at once as far as the socket takes it. False: the peer has gone, or takes nothing any
 * more. */
WARN_UNUSED bool record_write_response(int fd, int request_id, const struct buffer *headers,
                                       const struct buffer *body);

#endif
