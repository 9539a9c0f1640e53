/* The process that writes into the database what the journal has brought to light: what was sent of which video
 * (views.h), and which uploads have come to nothing (reservation.h). */
#ifndef FCGI_STREAM_ACCOUNTING_H
#define FCGI_STREAM_ACCOUNTING_H

#include "lib/process/pool.h"

/* For struct pool_group; the service's context is a struct stream_context. */
bool accounting_work(const struct pool_group *group, const struct config *config, int listen_fd);

#endif
