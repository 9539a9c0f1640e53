/* Writes a response as FastCGI records with as few system calls as possible. libfcgi
 * would write a long response in chunks of 8 KiB and its end separately, and nginx would
 * wake up for each. */
#ifndef LIB_PROCESS_RECORD_H
#define LIB_PROCESS_RECORD_H

#include "lib/base/buffer.h"
#include "lib/base/compiler.h"

enum { RECORD_CONTENT_MAX = 65528 };

/* Writes headers and body (or NULL) as FCGI_STDOUT records, the empty record that ends
 * the stream, and FCGI_END_REQUEST (FastCGI specification, sections 3.3 and 5.5). Returns
 * false when the peer has closed the connection, or when the socket's send timeout
 * expires. */
WARN_UNUSED bool record_write_response(int fd, int request_id, const struct buffer *headers,
                                       const struct buffer *body);

#endif
