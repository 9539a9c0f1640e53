/* The accounting process: writes to the database what the journal has reported, the bytes
 * and views of each video (views.h), and reclaims the reservations of failed uploads
 * (reservation.h). One of its threads starts the write-back of bodies that are arriving
 * (early_writeback.h). */
#ifndef FCGI_STREAM_ACCOUNTING_H
#define FCGI_STREAM_ACCOUNTING_H

#include "lib/process/pool.h"

/* The work function of the group (struct pool_group). The service's context is a struct
 * stream_context. Returns true after SIGTERM or SIGINT, false when it could not start. */
bool accounting_work(const struct pool_group *group, const struct config *config, int listen_fd);

#endif
