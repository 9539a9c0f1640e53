/* The process that writes into the database what was sent of which video (views.h). */
#ifndef VIEW_COUNTER_H
#define VIEW_COUNTER_H

#include "pool.h"

/* For struct pool_group; the service's context is a struct stream_context. */
bool view_counter_work(const struct pool_group *group, const struct config *config, int listen_fd);

#endif
