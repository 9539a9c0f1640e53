/* FastCGI records of a long response. libfcgi has a buffer of 8 KiB, and would wake nginx for each. */
#ifndef RECORD_H
#define RECORD_H

#include "buffer.h"
#include "compiler.h"

enum { RECORD_WORTH_IT = 8 * 1024, RECORD_CONTENT_MAX = 65528 };

/* Writes header lines, shorter than RECORD_CONTENT_MAX, an empty line and the body to the request's FCGI_STDOUT (FastCGI
 * specification, section 3.3), at once as far as the socket takes it. The stream is not ended. False: the peer has gone, or
 * takes nothing any more. */
WARN_UNUSED bool record_write(int fd, int request_id, const struct buffer *headers,
                              const struct buffer *body);

#endif
