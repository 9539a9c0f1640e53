/* A worker process of a service: a server in which each thread has its own request,
 * response, arena and database connection. */
#ifndef LIB_PROCESS_WORKER_H
#define LIB_PROCESS_WORKER_H

#include "lib/base/compiler.h"
#include "lib/http/service.h"

/* Serves requests from the listening socket until SIGTERM or SIGINT. Returns what
 * server_run returns. */
WARN_UNUSED bool worker_run(const struct service *service, const struct config *config, int listen_fd,
                            int threads);

#endif
